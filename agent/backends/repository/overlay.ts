import { constants } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import { checkHeader } from '../../images/gate.ts';
import { commit, rebase, shrink } from '../../tools/qemu-img.ts';
import type { ToolContext } from '../../tools/run.ts';

/** Where a qcow2 header has offset and length of the name of its backing file. */
const BACKING_AT = 8;
const BACKING_BYTES = 12;
const QCOW2 = Buffer.from('QFI\xfb', 'latin1');

/**
 * Writes an increment into the image below it; both are qcow2 files of our own. The increment names a backing file that is long gone (the NBD
 * socket it was read from, contract 7.3), which is forgotten before any program sees the file. Killed at any moment, the same call made again
 * goes on.
 */
export async function mergeIncrement(
  increment: string,
  base: string,
  onProgress: (done: number) => void,
  context: ToolContext,
): Promise<void> {
  await forgetBacking(increment);
  const top = await checkHeader(increment, 'qcow2', { backing: 'none', import: true });
  await rebase(increment, 'qcow2', { name: base, format: 'qcow2' }, { unsafe: true }, context);
  await commit(increment, { onProgress }, context);
  const below = await checkHeader(base, 'qcow2', { backing: 'none' });
  if (below.virtualSize > top.virtualSize) await shrink(base, 'qcow2', top.virtualSize, context);
}

/** Takes the name of the backing file out of the header. What was read into the file stays, the rest reads as zeros until it has another. */
export async function forgetBacking(file: string): Promise<void> {
  try {
    const handle = await open(file, constants.O_RDWR | constants.O_NOFOLLOW);
    try {
      const magic = Buffer.alloc(4);
      await handle.read(magic, 0, 4, 0);
      if (!magic.equals(QCOW2)) throw new StorageError('bad_image', `${file} is no qcow2 image`);
      await handle.write(Buffer.alloc(BACKING_BYTES), 0, BACKING_BYTES, BACKING_AT);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    throw asStorageError(thrown, 'read an increment');
  }
}

/** Removes a merged increment. */
export async function dropIncrement(increment: string): Promise<void> {
  await rm(increment, { force: true });
}
