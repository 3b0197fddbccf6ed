import { type FileHandle, open } from 'node:fs/promises';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import type { Bytes } from '../../../runtime/units.ts';
import { readQcow2 } from '../../images/qcow2.ts';

/** What the header of a layer says. Reading it takes no process and asks no other file. */
export interface LayerHeader {
  readonly virtualSize: Bytes;
  /** As it stands in the header. */
  readonly backingName: string | undefined;
  readonly backingFormat: string | undefined;
  /** No guest data of its own: an overlay nobody has written to. */
  readonly empty: boolean;
  /** States of the whole machine kept inside the file (system snapshots). */
  readonly savedStates: number;
}

const MAGIC = 0x514649fb;
const HEAD_BYTES = 64 * 1024;

/** Is there qcow2's magic at the start of a file? Says nothing about the rest. */
export async function isQcow2(file: string): Promise<boolean> {
  return await withFile(file, async (handle) => {
    const head = await readAt(handle, 0, 4);
    return head.length === 4 && head.readUInt32BE(0) === MAGIC;
  });
}

/** Errors: broken_chain for what is no whole qcow2 file, or one that needs other files than its backing file. */
export async function readHeader(file: string): Promise<LayerHeader> {
  return await withFile(file, async (handle) => {
    const { size } = await handle.stat();
    const { virtualSize, backing, backingFormat, savedStates, table } = readQcow2(await readAt(handle, 0, HEAD_BYTES), size);
    const empty = savedStates === 0 && (await readAt(handle, table.offset, table.length)).every((byte) => byte === 0);
    return { virtualSize, backingName: backing, backingFormat, savedStates, empty };
  });
}

async function readAt(handle: FileHandle, at: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, at);
  return buffer.subarray(0, bytesRead);
}

async function withFile<T>(file: string, use: (handle: FileHandle) => Promise<T>): Promise<T> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, 'r');
    return await use(handle);
  } catch (thrown) {
    const error = asStorageError(thrown, 'read the header');
    if (error.reason !== 'bad_image') throw error;
    throw new StorageError('broken_chain', `${file}: ${error.message}`, { cause: error });
  } finally {
    await handle?.close();
  }
}
