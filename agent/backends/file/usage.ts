import { mkdir, statfs } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import { type Bytes, bytes, formatBytes } from '../../../runtime/units.ts';

/** How full the file system of a datastore is. */
export interface Usage {
  readonly total: Bytes;
  readonly used: Bytes;
  /** What a user may still write; less than total - used where blocks are reserved. */
  readonly free: Bytes;
}

/** Usage of the datastore's directory, which `create` makes when it is missing (contract 2.1, monitor). Error: not_found. */
export async function usage(root: string, options: { readonly create: boolean }): Promise<Usage> {
  if (options.create) await mkdir(root, { recursive: true });
  const { bsize, blocks, bfree, bavail } = await statfs(root);
  return { total: bytes(blocks * bsize), used: bytes((blocks - bfree) * bsize), free: bytes(bavail * bsize) };
}

/** What an error about space says of a datastore. */
export interface SpaceOf {
  readonly root: string;
  readonly datastoreId: number;
  readonly hostName: string;
}

/** Throws no_space when `needs` bytes do not fit into the datastore now. */
export async function requireSpace(of: SpaceOf, needs: number): Promise<void> {
  const has = await freeBelow(of.root);
  if (has < needs) throw noSpaceError(of, needs, has);
}

/** Runs `work`; its no_space becomes the message that says where and how much. */
export async function sayingSpace<T>(of: SpaceOf, needs: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const error = asStorageError(thrown);
    if (error.reason !== 'no_space') throw error;
    throw noSpaceError(of, needs, await freeBelow(of.root).catch(() => 0), error);
  }
}

function noSpaceError(of: SpaceOf, needs: number, has: number, cause?: StorageError): StorageError {
  const sizes = `needs ${formatBytes(needs)}, has ${formatBytes(has)}`;
  return new StorageError('no_space', `no space left in datastore ${of.datastoreId} on ${of.hostName} (${sizes})`, {
    ...(cause === undefined ? {} : { cause, detail: cause.detail ?? cause.message }),
  });
}

/** Free bytes of a directory, or of the nearest one above it that exists. */
async function freeBelow(directory: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch (thrown) {
    const above = path.dirname(directory);
    if (above === directory || asStorageError(thrown).reason !== 'not_found') throw asStorageError(thrown, directory);
    return freeBelow(above);
  }
}
