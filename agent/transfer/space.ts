import { statfs } from 'node:fs/promises';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { formatBytes } from '../../runtime/units.ts';

/** Error no_space when the file system of `directory` has less than `needs` bytes free. */
export async function requireSpace(directory: string, needs: number, where: { datastoreId: number; hostName: string }): Promise<void> {
  const free = await freeBytes(directory);
  if (needs > free) throw noSpace(where, needs, free);
}

export async function freeBytes(directory: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch (thrown) {
    throw asStorageError(thrown);
  }
}

export function noSpace({ datastoreId, hostName }: { datastoreId: number; hostName: string }, needs: number, free: number): StorageError {
  return new StorageError(
    'no_space',
    `no space left in datastore ${datastoreId} on ${hostName} (needs ${formatBytes(needs)}, has ${formatBytes(free)})`,
  );
}
