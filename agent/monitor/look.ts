import { readdir, stat } from 'node:fs/promises';
import { asStorageError } from '../../runtime/errors.ts';
import type { Pace } from './pace.ts';

/** How a walk looks at the file system. */
export interface Look {
  readonly pace: Pace;
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** A change within the clock tick of a file system leaves the same times behind: what is younger is looked at again. */
const UNSETTLED_MS = 2000;

/** undefined: it is not there, or has gone in between. */
export async function orNothing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (thrown) {
    const error = asStorageError(thrown);
    if (error.reason === 'not_found' || error.reason === 'conflict') return undefined;
    throw error;
  }
}

/** Bytes a file takes, behind its links; undefined: nothing is there, or no file. */
export async function allocatedBytes(file: string, look: Look): Promise<number | undefined> {
  await look.pace.take(look.signal);
  const found = await orNothing(stat(file));
  return found?.isFile() === true ? found.blocks * 512 : undefined;
}

/** Not asked at a pace: once for a datastore. */
export async function isDirectory(path: string): Promise<boolean> {
  return (await orNothing(stat(path)))?.isDirectory() === true;
}

/** What says whether names in a directory have changed. Equal text, equal names; an empty text equals nothing. undefined: no directory. */
export async function directoryState(directory: string, look: Look): Promise<string | undefined> {
  await look.pace.take(look.signal);
  const found = await orNothing(stat(directory));
  if (found?.isDirectory() !== true) return undefined;
  const settled = look.now() - Math.max(found.mtimeMs, found.ctimeMs) >= UNSETTLED_MS;
  return settled ? `${found.dev}:${found.ino}:${found.mtimeMs}:${found.ctimeMs}` : '';
}

export async function namesIn(directory: string, look: Look): Promise<readonly string[]> {
  await look.pace.take(look.signal);
  return (await orNothing(readdir(directory))) ?? [];
}

/** The numbers among names, in order: `12`, not `012`, `12.current` or a temporary name. */
export function numbersIn(names: readonly string[], pattern = /^(0|[1-9]\d{0,8})$/u): number[] {
  return names
    .flatMap((name) => pattern.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}
