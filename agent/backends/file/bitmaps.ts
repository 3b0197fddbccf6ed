import { open } from 'node:fs/promises';
import { asStorageError } from '../../../runtime/errors.ts';

/** A persistent bitmap as it stands in a qcow2 file. */
export interface StoredBitmap {
  readonly name: string;
  /** Open in a qemu, or left so by one that was killed: what it says on disk is not to be trusted. */
  readonly inUse: boolean;
}

const MAGIC = 0x514649fb;
const BITMAPS = 0x23852875;
const MAX_DIRECTORY = 64 * 1024 * 1024;
const IN_USE = 1;

/**
 * The bitmaps that a qcow2 file names, also while a guest has it open: its own reader, because qemu-img may not open such a file. Made since
 * the guest started are not there yet. None for one that was written to by a program that knows nothing of bitmaps.
 */
export async function readBitmaps(file: string): Promise<StoredBitmap[]> {
  const handle = await open(file, 'r').catch((thrown: unknown) => {
    throw asStorageError(thrown);
  });
  try {
    const head = await read(handle, 0, 65_536);
    if (head.length < 104 || head.readUInt32BE(0) !== MAGIC || head.readUInt32BE(4) < 3) return [];
    const isConsistent = (head.readBigUInt64BE(88) & 1n) === 1n;
    const found = isConsistent ? findExtension(head) : undefined;
    return found === undefined || found.size > MAX_DIRECTORY ? [] : entries(await read(handle, found.at, found.size), found.count);
  } finally {
    await handle.close();
  }
}

/** Version 2 of the format (compat=0.10) has no bitmaps; qemu-img amend -o compat=1.1 makes it the newer one. */
export async function keepsBitmaps(file: string): Promise<boolean> {
  const handle = await open(file, 'r').catch((thrown: unknown) => {
    throw asStorageError(thrown);
  });
  try {
    const head = await read(handle, 0, 8);
    return head.length === 8 && head.readUInt32BE(0) === MAGIC && head.readUInt32BE(4) >= 3;
  } finally {
    await handle.close();
  }
}

async function read(handle: Awaited<ReturnType<typeof open>>, at: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, at);
  return buffer.subarray(0, bytesRead);
}

function findExtension(head: Buffer): { readonly count: number; readonly size: number; readonly at: number } | undefined {
  for (let at = head.readUInt32BE(100); at + 8 <= head.length; ) {
    const [type, length] = [head.readUInt32BE(at), head.readUInt32BE(at + 4)];
    if (type === 0 || at + 8 + length > head.length) return undefined;
    if (type === BITMAPS && length >= 24) {
      const size = Number(head.readBigUInt64BE(at + 16));
      return { count: head.readUInt32BE(at + 8), size, at: Number(head.readBigUInt64BE(at + 24)) };
    }
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return undefined;
}

function entries(directory: Buffer, count: number): StoredBitmap[] {
  const found: StoredBitmap[] = [];
  for (let at = 0; found.length < count && at + 24 <= directory.length; ) {
    const flags = directory.readUInt32BE(at + 12);
    const nameLength = directory.readUInt16BE(at + 18);
    const name = at + 24 + directory.readUInt32BE(at + 20);
    if (name + nameLength > directory.length) break;
    found.push({ name: directory.toString('utf8', name, name + nameLength), inUse: (flags & IN_USE) !== 0 });
    at = Math.ceil((name + nameLength) / 8) * 8;
  }
  return found;
}
