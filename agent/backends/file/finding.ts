import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError } from '../../../runtime/errors.ts';
import { lstatOrNothing } from './look.ts';

export type Problem =
  | 'temporary_file'
  | 'dangling_link'
  | 'broken_chain'
  | 'missing_image'
  | 'missing_vm'
  | 'unknown_image'
  | 'unknown_vm'
  | 'left_behind_vm'
  | 'unknown_file'
  | 'unended_migration'
  | 'unended_backup';

/** Something in a datastore that does not fit. Sizes in bytes, times in ms since the epoch. */
export interface Finding {
  readonly problem: Problem;
  /** Relative to the datastore. */
  readonly path: string;
  readonly text: string;
  readonly allocatedBytes: number;
  readonly modifiedUnixMs: number;
  /** Nothing OpenNebula knows of needs it: it may be set aside. */
  readonly movable: boolean;
}

/** oned writes SOURCE after the driver has ended, so what is young may be known to it in a moment. */
const YOUNG_MS = 60 * 60 * 1000;

/** A finding nobody may set aside. */
export async function finding(root: string, name: string, problem: Problem, text: string): Promise<Finding> {
  const { allocated, modified } = await measure(path.join(root, name));
  return { problem, path: name, text, allocatedBytes: allocated, modifiedUnixMs: modified, movable: false };
}

/** A finding that may be set aside. */
export async function movable(root: string, name: string, problem: Problem, text: string): Promise<Finding> {
  return { ...(await finding(root, name, problem, text)), movable: true };
}

/** A finding that may be set aside once nothing in it has changed for an hour. */
export async function movableWhenOld(root: string, name: string, problem: Problem, text: string): Promise<Finding> {
  const found = await finding(root, name, problem, text);
  if (Date.now() - found.modifiedUnixMs >= YOUNG_MS) return { ...found, movable: true };
  return { ...found, text: `${text}; it is younger than an hour, so it may be on its way` };
}

/** Names in order; a directory that is not there has none. */
export async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (thrown) {
    const error = asStorageError(thrown, 'look into');
    if (error.reason === 'not_found' || error.reason === 'conflict') return [];
    throw error;
  }
}

/** Allocated bytes and the newest change of a file or tree. Never follows a link. What has gone in between is young. */
async function measure(file: string): Promise<{ readonly allocated: number; readonly modified: number }> {
  const found = await lstatOrNothing(file);
  if (found === undefined) return { allocated: 0, modified: Date.now() };
  let allocated = found.blocks * 512;
  let modified = Math.max(found.mtimeMs, found.ctimeMs);
  for (const name of found.isDirectory() ? await namesIn(file) : []) {
    const inner = await measure(path.join(file, name));
    allocated += inner.allocated;
    modified = Math.max(modified, inner.modified);
  }
  return { allocated, modified: Math.floor(modified) };
}
