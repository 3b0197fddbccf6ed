import type { FileFacts } from './facts.ts';
import type { Upload } from './repository.ts';

/**
 * What a backup says of itself: who stored it, what was merged into it, and its files as they were. One text each, because a repository keeps them where
 * one listing of all backups tells them: as tags of a snapshot, as names of empty files. Stock drivers look at neither.
 */
export interface Marks {
  /** undefined: a stock driver stored it. */
  readonly operationId: string | undefined;
  /** In their order. */
  readonly merged: readonly string[];
  readonly files: ReadonlyMap<string, FileFacts>;
}

export function marksOf({ operationId, merged, files }: Upload): readonly string[] {
  return [
    `operation-${operationId}`,
    ...merged.map((id, index) => `merged-${index}-${id}`),
    ...files.map((file) => ['file', file.name, file.sha256, file.sizeBytes, file.modified, file.virtualBytes ?? ''].join('-')),
  ];
}

/** What is none of ours is left out: a mark may have any text. */
export function readMarks(texts: readonly string[]): Marks {
  const found = <T>(pattern: RegExp, make: (...words: string[]) => T): T[] =>
    texts.flatMap((text) => {
      const words = pattern.exec(text);
      return words === null ? [] : [make(...words.slice(1))];
    });
  const merged = found(/^merged-(\d+)-([0-9a-f]{6,8})$/u, (index, id = '') => ({ index: Number(index), id }));
  const files = found(/^file-([\w.]+)-([0-9a-f]{64})-(\d+)-(\d+)-(\d*)$/u, (name = '', sha256 = '', size, modified, virtual) => ({
    ...{ name, sha256, sizeBytes: Number(size), modified: Number(modified) },
    ...(virtual === '' ? {} : { virtualBytes: Number(virtual) }),
  }));
  return {
    operationId: found(/^operation-(.+)$/u, (id = '') => id)[0],
    merged: merged.sort((a, b) => a.index - b.index).map(({ id }) => id),
    files: new Map(files.map((file) => [file.name, file])),
  };
}
