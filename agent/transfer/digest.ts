import { createCipheriv, createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { asStorageError } from '../../runtime/errors.ts';
import { MIB } from '../../runtime/units.ts';
import { abortError, type ToolContext } from '../tools/run.ts';
import { dataExtents, type Extent } from './extents.ts';
import { giveBuffer, READ_BYTES, takeBuffer } from './read-buffers.ts';

const BLOCK = MIB;
/** What reads past the page cache must be a multiple of. */
const SECTOR = 4096;
const KEY = Buffer.alloc(16);
const NONCE = Buffer.alloc(12);
const ZEROS = Buffer.alloc(BLOCK);
const ZERO_TAG = tagOf(ZEROS);

export interface FileDigest {
  readonly digest: string;
  /** Bytes that were read for it. */
  readonly readBytes: number;
}

export interface DigestOptions {
  /** Read the disk, not what memory holds of it; where the file system can. */
  readonly direct?: boolean;
}

/**
 * Digest of a file's content: SHA-256 over its size and, of each 1 MiB block that is not all zero, its number and a 128-bit checksum. A hole and
 * written zeros are equal, and holes are not read. It finds damage on the way and on disk; it is no proof against a forger, TLS is.
 */
export async function digestFile(file: string, context: ToolContext, { direct = false }: DigestOptions = {}): Promise<FileDigest> {
  const { signal } = context;
  const handle = await openFor(file, direct);
  let next: Promise<Chunk> | undefined;
  try {
    const { size } = await handle.stat();
    const chunks = [...chunksOf(await dataExtents(file, size, context), size)];
    const sum = createHash('sha256').update(`${size}\n`);
    const read = (index: number): Promise<Chunk> | undefined => {
      const chunk = chunks[index];
      return chunk === undefined ? undefined : readChunk(handle, chunk);
    };
    let readBytes = 0;
    next = read(0);
    for (const [index, { start }] of chunks.entries()) {
      const chunk = await next;
      // One buffer is filled while the other is summed up.
      next = signal.aborted ? undefined : read(index + 1);
      // Awaited only in the next round: what goes wrong until then must not count as unhandled.
      next?.catch(() => undefined);
      if (chunk === undefined) continue;
      try {
        if (signal.aborted) throw abortError(signal);
        readBytes += chunk.data.length;
        addBlocks(sum, chunk.data, start);
      } finally {
        giveBuffer(chunk.buffer);
      }
    }
    return { digest: sum.digest('hex'), readBytes };
  } catch (thrown) {
    throw asStorageError(thrown, `read ${file}`);
  } finally {
    // Nobody else may get the memory while a read still fills it. One that failed has given it back itself.
    const left = await next?.catch(() => undefined);
    if (left !== undefined) giveBuffer(left.buffer);
    await handle.close();
  }
}

/** What was read, in a buffer that is to be given back. */
interface Chunk {
  readonly data: Buffer;
  readonly buffer: Buffer;
}

async function readChunk(handle: FileHandle, extent: Extent): Promise<Chunk> {
  const buffer = await takeBuffer();
  try {
    return { data: await readFully(handle, buffer, extent), buffer };
  } catch (thrown) {
    giveBuffer(buffer);
    throw thrown;
  }
}

async function openFor(file: string, direct: boolean): Promise<FileHandle> {
  if (direct) {
    try {
      return await open(file, constants.O_RDONLY | constants.O_DIRECT);
    } catch (thrown) {
      const code: unknown = thrown instanceof Error ? Reflect.get(thrown, 'code') : undefined;
      if (code !== 'EINVAL') throw asStorageError(thrown, 'read');
    }
  }
  return await open(file, 'r').catch((thrown: unknown) => {
    throw asStorageError(thrown, 'read');
  });
}

/** GMAC under a fixed key: the fastest checksum of this length that Node has, a quarter of CRC-32's time. */
function tagOf(block: Buffer): Buffer {
  const mac = createCipheriv('aes-128-gcm', KEY, NONCE).setAAD(block);
  mac.final();
  return mac.getAuthTag();
}

function addBlocks(sum: Hash, chunk: Buffer, at: number): void {
  const number = Buffer.alloc(8);
  for (let offset = 0; offset < chunk.length; offset += BLOCK) {
    const block = chunk.subarray(offset, offset + BLOCK);
    const tag = tagOf(block);
    if (isZero(block, tag)) continue;
    number.writeBigUInt64BE(BigInt((at + offset) / BLOCK));
    sum.update(number).update(tag);
  }
}

function isZero(block: Buffer, tag: Buffer): boolean {
  if (block.length === BLOCK && !tag.equals(ZERO_TAG)) return false;
  return block.equals(ZEROS.subarray(0, block.length));
}

/** Extents widened to whole blocks, cut into what is read at once. */
function* chunksOf(extents: readonly Extent[], size: number): Generator<Extent> {
  let done = 0;
  for (const { start, end } of extents) {
    const to = Math.min(Math.ceil(end / BLOCK) * BLOCK, size);
    for (let at = Math.max(done, start - (start % BLOCK)); at < to; at += READ_BYTES)
      yield { start: at, end: Math.min(at + READ_BYTES, to) };
    done = Math.max(done, to);
  }
}

async function readFully(handle: FileHandle, into: Buffer, { start, end }: Extent): Promise<Buffer> {
  const wanted = end - start;
  const rounded = Math.ceil(wanted / SECTOR) * SECTOR;
  let filled = 0;
  while (filled < wanted) {
    const { bytesRead } = await handle.read(into, filled, rounded - filled, start + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return into.subarray(0, Math.min(filled, wanted));
}
