import { createReadStream } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { asStorageError } from '../errors.ts';
import { decodeLine, hashOf } from './chain.ts';

export interface Verdict {
  readonly file: string;
  readonly lines: number;
  /** Lines that a crash had cut, and the daemon marked. */
  readonly mended: number;
  /** The file ends within a line: the daemon writes it now, or was killed and has not started again. */
  readonly open: boolean;
  /** Hash of the last line; undefined: the file holds none. */
  readonly head: string | undefined;
  readonly broken: { readonly line: number; readonly why: string } | undefined;
}

const LINE_BREAK = 0x0a;
const MAX_LINE_BYTES = 1024 * 1024;

/** Oldest first: `audit.log.2`, `audit.log.10`, `audit.log`. Files of another log come after it, as they were given. */
export function inOrder(files: readonly string[]): readonly string[] {
  const keyOf = (file: string): { base: string; number: number } => {
    const [, base = basename(file), number] = /^(.*)\.(\d{1,9})$/u.exec(basename(file)) ?? [];
    return { base: join(dirname(file), base), number: number === undefined ? Number.POSITIVE_INFINITY : Number(number) };
  };
  const bases = [...new Set(files.map((file) => keyOf(file).base))];
  return bases.flatMap((base) =>
    files.filter((file) => keyOf(file).base === base).sort((one, other) => (keyOf(one).number < keyOf(other).number ? -1 : 1)),
  );
}

/**
 * One file. `expected`: hash of the line before its first one; undefined: that file is not at hand. `look` is shown the hash of every line.
 * Throws not_found.
 */
export async function verifyFile(file: string, expected: string | undefined, look?: (hash: string) => void): Promise<Verdict> {
  const chain = new Chain(expected);
  let open = false;
  let broken: Verdict['broken'];
  for await (const { bytes, whole } of linesOf(file)) {
    open = !whole;
    broken = whole ? chain.take(bytes) : undefined;
    if (open || broken !== undefined) break;
    if (chain.head !== undefined) look?.(chain.head);
  }
  broken ??= chain.cutAt === undefined ? undefined : { line: chain.cutAt, why: NOT_A_LINE };
  return { file, lines: chain.lines, mended: chain.mended, open, head: chain.head, broken };
}

const NOT_A_LINE = 'it is no line of an audit log';
const NO_FOLLOWER = 'it does not follow the line before: that one was changed, or lines between them are missing';

class Chain {
  head: string | undefined;
  lines = 0;
  mended = 0;
  /** A line that is none, and that the next one has to account for. */
  cutAt: number | undefined;
  #cutBytes = 0;

  constructor(head: string | undefined) {
    this.head = head;
  }

  take(bytes: Buffer): Verdict['broken'] {
    this.lines += 1;
    const line = decodeLine(bytes.toString());
    const follows = this.head === undefined || line?.previous === this.head;
    if (this.cutAt !== undefined) {
      // Only a line that was cut in the middle may be no line, and then the next one says so.
      if (!follows || line?.event !== 'mended' || line['torn'] !== this.#cutBytes) return { line: this.cutAt, why: NOT_A_LINE };
      this.cutAt = undefined;
    } else if (line === undefined) {
      this.cutAt = this.lines;
      this.#cutBytes = bytes.length;
    } else if (!follows) {
      return { line: this.lines, why: NO_FOLLOWER };
    }
    if (line?.event === 'mended') this.mended += 1;
    this.head = hashOf(bytes);
    return undefined;
  }
}

/** Lines of a file, in little memory; `whole` is false for a last one without line break. */
async function* linesOf(file: string): AsyncGenerator<{ readonly bytes: Buffer; readonly whole: boolean }> {
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of createReadStream(file)) {
      rest = Buffer.concat([rest, chunk as Buffer]);
      let start = 0;
      for (let end = rest.indexOf(LINE_BREAK); end >= 0; end = rest.indexOf(LINE_BREAK, start)) {
        yield { bytes: rest.subarray(start, end), whole: true };
        start = end + 1;
      }
      rest = rest.subarray(start);
      if (rest.length > MAX_LINE_BYTES) {
        yield { bytes: Buffer.alloc(0), whole: true };
        return;
      }
    }
  } catch (thrown) {
    throw asStorageError(thrown, file);
  }
  if (rest.length > 0) yield { bytes: rest, whole: false };
}
