import { type FileHandle, open } from 'node:fs/promises';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import { type Bytes, bytes } from '../../../runtime/units.ts';

/** What the header of a qcow2 file says. Reading it takes no process and asks no other file. */
export interface Qcow2Header {
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
const FIXED = 112;
/** qemu refuses longer names. */
const MAX_NAME = 1023;
/** qemu's own limit of the level 1 table. */
const MAX_TABLE = 32 * 1024 * 1024;
const BACKING_FORMAT = 0xe2792aca;
const INCOMPATIBLE = { dirty: 1n, corrupt: 2n, externalData: 4n, compression: 8n, extendedEntries: 16n } as const;

/** Is there qcow2's magic at the start of a file? Says nothing about the rest. */
export async function isQcow2(file: string): Promise<boolean> {
  return await withFile(file, async (handle) => {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return bytesRead === 4 && buffer.readUInt32BE(0) === MAGIC;
  });
}

/** Errors: broken_chain for what is no whole qcow2 file, or one that needs other files than its backing file. */
export async function readHeader(file: string): Promise<Qcow2Header> {
  return await withFile(file, async (handle) => {
    const refuse = (why: string): StorageError => new StorageError('broken_chain', `${file}: ${why}`);
    const head = Buffer.alloc(FIXED);
    const { bytesRead } = await handle.read(head, 0, FIXED, 0);
    if (bytesRead < 72 || head.readUInt32BE(0) !== MAGIC) throw refuse('not a qcow2 file');
    const version = head.readUInt32BE(4);
    if (version !== 2 && version !== 3) throw refuse(`qcow2 version ${version} is unknown`);
    if (head.readUInt32BE(32) !== 0) throw refuse('is encrypted');
    if (version === 3) refuseFeatures(head.readBigUInt64BE(72), refuse);
    const name = await readBackingName(handle, head, refuse);
    const headerLength = version === 3 ? head.readUInt32BE(100) : 72;
    const size = head.readBigUInt64BE(24);
    if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw refuse(`says it holds ${size} bytes`);
    return {
      virtualSize: bytes(Number(size)),
      backingName: name?.text,
      backingFormat: name === undefined ? undefined : await backingFormat(handle, headerLength, name.at),
      savedStates: head.readUInt32BE(60),
      empty: head.readUInt32BE(60) === 0 && (await tableIsEmpty(handle, head, refuse)),
    };
  });
}

async function readBackingName(
  handle: FileHandle,
  head: Buffer,
  refuse: (why: string) => StorageError,
): Promise<{ readonly at: number; readonly text: string } | undefined> {
  const at = Number(head.readBigUInt64BE(8));
  const length = head.readUInt32BE(16);
  if (at === 0 || length === 0) return undefined;
  if (length > MAX_NAME) throw refuse(`the name of its backing file has ${length} bytes`);
  return { at, text: (await readAt(handle, at, length, refuse)).toString('utf8') };
}

function refuseFeatures(bits: bigint, refuse: (why: string) => StorageError): void {
  const { dirty, corrupt, externalData, compression, extendedEntries } = INCOMPATIBLE;
  if ((bits & corrupt) !== 0n) throw refuse('is marked as corrupt by qemu; see qemu-img check');
  if ((bits & externalData) !== 0n) throw refuse('keeps its data in another file');
  if ((bits & ~(dirty | compression | extendedEntries)) !== 0n) throw refuse(`has unknown features: 0x${bits.toString(16)}`);
}

/** The extension that names the backing file's format stands between the header and the name. */
async function backingFormat(handle: FileHandle, from: number, to: number): Promise<string | undefined> {
  if (to <= from || to - from > 65_536) return undefined;
  const area = Buffer.alloc(to - from);
  await handle.read(area, 0, area.length, from);
  for (let at = 0; at + 8 <= area.length; ) {
    const type = area.readUInt32BE(at);
    const length = area.readUInt32BE(at + 4);
    if (type === 0 || at + 8 + length > area.length) return undefined;
    if (type === BACKING_FORMAT) return area.toString('utf8', at + 8, at + 8 + length);
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return undefined;
}

async function tableIsEmpty(handle: FileHandle, head: Buffer, refuse: (why: string) => StorageError): Promise<boolean> {
  const length = head.readUInt32BE(36) * 8;
  if (length > MAX_TABLE) throw refuse('has a level 1 table that is too large');
  if (length === 0) return true;
  const table = await readAt(handle, Number(head.readBigUInt64BE(40)), length, refuse);
  return table.every((byte) => byte === 0);
}

async function readAt(handle: FileHandle, at: number, length: number, refuse: (why: string) => StorageError): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = Number.isSafeInteger(at) ? await handle.read(buffer, 0, length, at) : { bytesRead: 0 };
  if (bytesRead !== length) throw refuse('is cut off');
  return buffer;
}

async function withFile<T>(file: string, use: (handle: FileHandle) => Promise<T>): Promise<T> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, 'r');
    return await use(handle);
  } catch (thrown) {
    throw asStorageError(thrown, 'read the header');
  } finally {
    await handle?.close();
  }
}
