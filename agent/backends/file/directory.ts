import { mkdir, rm, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError } from '../../../runtime/errors.ts';
import type { Located } from './places.ts';
import { discard, flushDirectory, stagePath } from './stage.ts';

/** A file in a directory that an unfinished operation made: undo may remove the directory when nothing else is in it. */
function sentinel(directory: string, operationId: string): string {
  return stagePath(path.join(directory, 'made'), operationId);
}

/** Makes the directory of a place (contract 2.2: actions make the VM directory) and those above it, the datastore's included. */
export async function makeDirectory({ root, directory }: Located, operationId: string): Promise<void> {
  try {
    const first = await mkdir(directory, { recursive: true });
    if (first === undefined) return;
    await flushDirectory(path.dirname(first));
    if (directory !== root) await writeFile(sentinel(directory, operationId), '');
  } catch (thrown) {
    throw asStorageError(thrown, 'make the directory');
  }
}

/** The directory stays: called when what the operation made stands in it. */
export async function keepDirectory({ directory }: Located, operationId: string): Promise<void> {
  await rm(sentinel(directory, operationId), { force: true });
}

/** Removes a directory that this operation made, when it is empty. */
export async function unmakeDirectory({ directory }: Located, operationId: string): Promise<void> {
  try {
    await rm(sentinel(directory, operationId));
    await rmdir(directory);
    await flushDirectory(path.dirname(directory));
  } catch (thrown) {
    // Not there: it was here before. Not empty: somebody uses it.
    const error = asStorageError(thrown, 'remove the directory');
    if (error.reason !== 'not_found' && error.reason !== 'conflict') throw error;
  }
}

/** Removes what an operation left beside a place: `names` are the stages it may have made. For undo. */
export async function undoStages(located: Located, operationId: string, names: readonly string[]): Promise<void> {
  for (const name of names) await discard(name);
  await unmakeDirectory(located, operationId);
}
