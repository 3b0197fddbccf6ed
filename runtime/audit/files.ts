import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { decodeLine, hashOf, NO_LINE } from './chain.ts';

/** More than any line has. */
const TAIL_BYTES = 64 * 1024;
const LINE_BREAK = 0x0a;

/** `audit.log.3` is 3; `audit.log` itself, the newest, is infinity; undefined: not one of `file`. */
export function numberOf(file: string, name: string): number | undefined {
  const base = basename(file);
  if (name === base) return Number.POSITIVE_INFINITY;
  const [, number] = name.startsWith(`${base}.`) ? (/^\.(\d{1,9})$/u.exec(name.slice(base.length)) ?? []) : [];
  return number === undefined ? undefined : Number(number);
}

/** Numbers of the files that were rotated away, oldest first. */
export function rotatedNumbers(file: string): readonly number[] {
  const numbers = readdirSync(dirname(file)).map((name) => numberOf(file, name));
  return numbers
    .filter((number) => number !== undefined && Number.isFinite(number))
    .sort((one, other) => Number(one) - Number(other)) as number[];
}

export function rotatedName(file: string, number: number): string {
  return join(dirname(file), `${basename(file)}.${number}`);
}

/** Where the chain stands at the end of a file. */
export interface Tail {
  readonly size: number;
  /** Hash of the last line; undefined: the file holds none. */
  readonly previous: string | undefined;
  /** Bytes of a last line that was not written whole. */
  readonly torn: number | undefined;
  /** Does the file end in a line break? */
  readonly ended: boolean;
}

export function readTail(fd: number): Tail {
  const { size } = fstatSync(fd);
  if (size === 0) return { size, previous: undefined, torn: undefined, ended: true };
  let bytes = readEnd(fd, size, Math.min(size, TAIL_BYTES));
  if (bytes.lastIndexOf(LINE_BREAK, -2) < 0 && bytes.length < size) bytes = readEnd(fd, size, size);
  const ended = bytes.at(-1) === LINE_BREAK;
  const body = ended ? bytes.subarray(0, -1) : bytes;
  const line = body.subarray(body.lastIndexOf(LINE_BREAK) + 1);
  const whole = ended && decodeLine(line.toString()) !== undefined;
  return { size, previous: hashOf(line), torn: whole ? undefined : line.length, ended };
}

/** Hash of the last line of the newest file that was rotated away. */
export function hashBefore(file: string): string {
  const newest = rotatedNumbers(file).at(-1);
  if (newest === undefined) return NO_LINE;
  const fd = openSync(rotatedName(file, newest), 'r');
  try {
    return readTail(fd).previous ?? NO_LINE;
  } finally {
    closeSync(fd);
  }
}

function readEnd(fd: number, size: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(fd, bytes, 0, length, size - length));
}
