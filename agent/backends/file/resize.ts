import type { Stats } from 'node:fs';
import { lstat, readlink } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import { type Bytes, bytes, formatBytes } from '../../../runtime/units.ts';
import { type ImageFormat, info, resize } from '../../tools/qemu-img.ts';
import { run } from '../../tools/run.ts';
import type { Located } from './places.ts';
import { flush } from './stage.ts';
import { requireSpace, sayingSpace } from './usage.ts';

/**
 * The plain file that a disk's writes go to: the disk itself, or what its link names, which must stand in its own `.snap` (contract 2.2).
 * Errors: not_found, conflict (the link leads elsewhere).
 */
export async function activeFile(located: Located): Promise<string> {
  const found = await look(located.path);
  if (found.isFile()) return located.path;
  if (!found.isSymbolicLink()) throw new StorageError('conflict', `${located.path} is not a disk`);
  const text = await readlink(located.path);
  const snapshots = `${located.name}.snap`;
  const words = text.split('/');
  const [first, second] = words;
  if (words.length !== 2 || first !== snapshots || second === undefined || second === '' || second === '.' || second === '..') {
    throw new StorageError('conflict', `${located.path} is a link to '${text}', which is not in ${snapshots}`);
  }
  const directory = path.join(located.directory, snapshots);
  if (!(await look(directory)).isDirectory()) throw new StorageError('conflict', `${directory} is not a directory`);
  const active = path.join(directory, second);
  if (!(await look(active)).isFile()) throw new StorageError('conflict', `${active} is not a plain file`);
  return active;
}

export interface Growth {
  readonly size: Bytes;
  readonly format: ImageFormat;
  readonly preallocate: boolean;
}

/**
 * Grows a disk in place. As large already: success, once it is allocated and durable. qemu-img does both formats, because it refuses a disk that a running domain has locked.
 * Errors: conflict (it would shrink), in_use, no_space, not_found.
 */
export async function resizeVolume(located: Located, growth: Growth, hostName: string, context: OperationContext): Promise<void> {
  const { size, format, preallocate } = growth;
  const file = await activeFile(located);
  const present = format === 'raw' ? bytes((await look(file)).size) : (await info(file, format, context)).virtualSize;
  if (present === size) return await finishResize(file, growth, context);
  if (present > size) {
    throw new StorageError('conflict', `${located.name} is ${formatBytes(present)}; it cannot shrink to ${formatBytes(size)}`);
  }
  const space = { root: located.root, datastoreId: located.datastoreId, hostName };
  if (preallocate) await requireSpace(space, size - present);
  context.commit();
  await context.step('resize', async () => {
    await sayingSpace(space, size - present, () => resize(file, format, size, { preallocate }, context));
    await flush(file);
  });
  context.log('info', `resized ${located.name} to ${formatBytes(size)}`);
}

/**
 * An attempt before this one may have died when the size was there, but not yet on disk or not yet allocated. qemu-img writes the size of a
 * qcow2 image last, so only a raw file can lack blocks.
 */
async function finishResize(file: string, { size, format, preallocate }: Growth, context: OperationContext): Promise<void> {
  if (preallocate && format === 'raw' && (await look(file)).blocks * 512 < size) {
    context.commit();
    await context.step('resize', () => allocate(file, size, context));
  }
  await flush(file);
}

async function allocate(file: string, size: Bytes, context: OperationContext): Promise<void> {
  try {
    await run('fallocate', ['--length', String(size), '--', file], context);
  } catch (thrown) {
    const error = asStorageError(thrown);
    if (!/(?:not |un)supported/iu.test(error.message)) throw error;
    // Writing zeros into the holes instead could meet a write of the guest.
    context.log('warn', `${file} cannot be allocated: its file system does not know how`);
  }
}

async function look(file: string): Promise<Stats> {
  try {
    return await lstat(file);
  } catch (thrown) {
    throw asStorageError(thrown);
  }
}
