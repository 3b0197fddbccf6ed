import path from 'node:path';
import { StorageError } from '../../../runtime/errors.ts';
import { toolContext } from '../../tools/run.ts';
import { runOverSsh, type SshTarget, type Words } from '../../tools/ssh.ts';
import { type Marks, marksOf, readMarks } from './marks.ts';
import type { Backup, RepositoryContext, StoredFile, Upload } from './repository.ts';

/** Before a mark, which is an empty file in the directory of a backup. */
const HIDDEN = '.';

export interface Listed extends StoredFile {
  readonly backupId: string;
  /** Whole seconds since the epoch. */
  readonly modified: number;
}

export function markFiles(upload: Upload): readonly string[] {
  return marksOf(upload).map((mark) => `${HIDDEN}${mark}`);
}

const marksIn = (files: readonly Listed[]): Marks =>
  readMarks(files.filter(({ name }) => name.startsWith(HIDDEN)).map(({ name }) => name.slice(HIDDEN.length)));

/** The files of the backup that an operation has stored, with its id. */
export function storedBy(files: readonly Listed[], operationId: string): string | undefined {
  return [...Map.groupBy(files, ({ backupId }) => backupId)].find(([, own]) => marksIn(own).operationId === operationId)?.[0];
}

const PRINTED = ['-type', 'f', '-printf', '%P\\t%s\\t%T@\\n'] as const;

/** Lists all files of all backups below `root`; readListing takes its answer. */
export function listCommand(root: string): Words {
  return ['find', root, '-mindepth', '2', '-maxdepth', '2', ...PRINTED];
}

/** Not there: none. */
export async function listFiles(target: SshTarget, root: string, context: RepositoryContext): Promise<readonly Listed[]> {
  const { code, stdout, stderr } = await runOverSsh(target, [listCommand(root)], { ...toolContext(context), okCodes: [0, 1] });
  if (code === 1 && !/no such file or directory/iu.test(stderr)) {
    throw new StorageError('repository_denied', `the backups at ${target.host}:${root} cannot be listed`, { detail: stderr });
  }
  return readListing(stdout, root);
}

export function readListing(stdout: string, root: string): readonly Listed[] {
  return stdout.split('\n').flatMap((line) => {
    const [, backupId, name, size, time] = /^([0-9a-f]{6})\/([^/\t]+)\t(\d+)\t(\d+)/u.exec(line) ?? [];
    if (backupId === undefined || name === undefined) return [];
    return [{ backupId, name, path: path.posix.join(root, backupId, name), sizeBytes: Number(size), modified: Number(time) }];
  });
}

/** Lists the sizes of the files in one directory; readSizes takes its answer. */
export function sizesCommand(directory: string): Words {
  return ['find', directory, '-mindepth', '1', '-maxdepth', '1', ...PRINTED];
}

export function readSizes(stdout: string): ReadonlyMap<string, number> {
  const lines = stdout.split('\n').map((line) => line.split('\t'));
  return new Map(lines.flatMap(([name = '', size]) => (size === undefined ? [] : [[name, Number(size)]])));
}

export function backupsOf(files: readonly Listed[], vmId: number): readonly Backup[] {
  const byId = Map.groupBy(files, ({ backupId }) => backupId);
  const backups = [...byId].map(([backupId, all]): Backup => {
    const own = all.filter(({ name }) => !name.startsWith('.'));
    return {
      backupId,
      createdUnixMs: Math.max(0, ...own.map(({ modified }) => modified)) * 1000,
      vmId,
      files: own,
      sizeBytes: own.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      merged: marksIn(all).merged,
    };
  });
  return backups.sort((a, b) => a.createdUnixMs - b.createdUnixMs);
}

/**
 * Files of one backup with what is known of them since. A file that has another time by now was rewritten by a stock driver, which merges and rebases
 * in place: nothing is known of it.
 */
export function filesOf(files: readonly Listed[]): readonly StoredFile[] {
  const { files: known } = marksIn(files);
  return files
    .filter(({ name }) => !name.startsWith(HIDDEN))
    .map(({ name, path: at, sizeBytes, modified }) => {
      const facts = known.get(name);
      const plain = { name, path: at, sizeBytes };
      if (facts?.sizeBytes !== sizeBytes || facts.modified !== modified) return plain;
      const { sha256, virtualBytes } = facts;
      return { ...plain, sha256, ...(virtualBytes === undefined ? {} : { virtualBytes }) };
    });
}
