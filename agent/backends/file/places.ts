import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';

/** A file or directory below a datastore; stands in journals. `path` is relative, "/"-separated. */
export const PlaceInput = z.object({ datastoreId: z.number().int().nonnegative(), path: z.string() });

export type PlaceOf = z.infer<typeof PlaceInput>;

/** Where a place is on this host. */
export interface Located {
  readonly datastoreId: number;
  /** The datastore's directory. */
  readonly root: string;
  readonly path: string;
  /** The directory that holds it. */
  readonly directory: string;
  readonly name: string;
}

const CONTROL = /\p{Cc}/u;

/** The directory of a datastore. */
export function datastoreRoot(datastores: string, datastoreId: number): string {
  if (!Number.isSafeInteger(datastoreId) || datastoreId < 0) {
    throw new StorageError('outside_datastore', `${datastoreId} is not the id of a datastore`);
  }
  return path.join(datastores, String(datastoreId));
}

/** The words of a relative path, or the error `outside_datastore`. Looks at the text alone. */
export function pathWords(text: string): readonly string[] {
  const refuse = (why: string): never => {
    throw new StorageError('outside_datastore', `'${text.slice(0, 200)}' ${why}; give a path below the datastore`);
  };
  if (text === '') refuse('is empty');
  if (CONTROL.test(text)) refuse('holds a control character');
  if (text.startsWith('/')) refuse('is absolute');
  const words = text.split('/');
  if (words.some((word) => word === '' || word === '.' || word === '..')) refuse('has an empty, "." or ".." part');
  return words;
}

/**
 * Finds a place on this host. Refused (`outside_datastore`): what leaves the datastore by its text, and any directory on the way that is a
 * symbolic link; the last part may be one, callers decide. What does not exist yet is fine. The datastore's own directory may be a link: only
 * an administrator can have made it.
 */
export async function locate(datastores: string, place: { readonly datastoreId: number; readonly path: string }): Promise<Located> {
  const root = datastoreRoot(datastores, place.datastoreId);
  return { datastoreId: place.datastoreId, root, ...(await locateBelow(root, place.path)) };
}

/** The same rules for a directory that is not a datastore. */
export async function locateBelow(root: string, text: string): Promise<Pick<Located, 'path' | 'directory' | 'name'>> {
  const words = pathWords(text);
  let directory = root;
  for (const word of words.slice(0, -1)) {
    directory = path.join(directory, word);
    if (!(await isRealDirectory(directory))) break;
  }
  const full = path.join(root, ...words);
  return { path: full, directory: path.dirname(full), name: path.basename(full) };
}

/** false: not there. A link or a file is an error. */
async function isRealDirectory(directory: string): Promise<boolean> {
  try {
    const found = await lstat(directory);
    if (found.isSymbolicLink()) throw new StorageError('outside_datastore', `${directory} is a symbolic link where a directory must be`);
    if (!found.isDirectory()) throw new StorageError('conflict', `${directory} is not a directory`);
    return true;
  } catch (thrown) {
    const error = asStorageError(thrown);
    if (error.reason === 'not_found') return false;
    throw error;
  }
}
