import type { Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { asStorageError } from '../../../runtime/errors.ts';

/**
 * What has the name; a link is not followed. undefined: nothing has it. Only ENOENT and ENOTDIR say so: after any other error the file may well
 * be there, and whoever took it for missing would write over it, or call published what is not. Errors: storage_failed and the like.
 */
export async function lstatOrNothing(file: string): Promise<Stats | undefined> {
  try {
    return await lstat(file);
  } catch (thrown) {
    const code: unknown = thrown instanceof Error ? Reflect.get(thrown, 'code') : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw asStorageError(thrown, 'look at');
  }
}

export async function exists(file: string): Promise<boolean> {
  return (await lstatOrNothing(file)) !== undefined;
}
