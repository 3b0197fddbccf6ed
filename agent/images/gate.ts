import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { type Bytes, bytes } from '../../runtime/units.ts';
import { signatures, TAIL_BYTES } from './magic.ts';
import { readQcow2 } from './qcow2.ts';

export interface GatePolicy {
  /** `none`: a backing file is refused. Else: may the header name this one? Asked with the text of the header. */
  readonly backing: 'none' | ((name: string) => boolean);
  /** The file comes from outside: what is declared raw must not look like an image of another format. */
  readonly import?: boolean;
}

export interface Checked {
  readonly format: 'raw' | 'qcow2';
  readonly virtualSize: Bytes;
}

/** Of a file, no more is read than this. */
const HEAD_BYTES = 64 * 1024 - TAIL_BYTES;

/**
 * Judges a file before any program of qemu sees it: its format is `declared` and nothing else, and it refers to no other file but those the
 * policy allows. `declared` undefined: qcow2 when it has that header, raw when it has none. A raw disk that a guest may have written
 * (`declared` raw, no `import`) is never looked into. The file must be a plain one, no link. Errors: bad_image, and what the kernel says.
 */
export async function checkHeader(file: string, declared: 'raw' | 'qcow2' | undefined, policy: GatePolicy): Promise<Checked> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const found = await handle.stat();
    if (!found.isFile()) throw new StorageError('bad_image', `${file} is not a plain file`);
    if (declared === 'raw' && policy.import !== true) return { format: 'raw', virtualSize: bytes(found.size) };
    const head = await readAt(handle, 0, HEAD_BYTES);
    const tail = await readAt(handle, Math.max(0, found.size - TAIL_BYTES), TAIL_BYTES);
    return judge(head, tail, found.size, declared, policy);
  } catch (thrown) {
    const error = asStorageError(thrown, 'check the image');
    if (error.reason !== 'bad_image' || error.message.includes(file)) throw error;
    throw new StorageError('bad_image', `${path.basename(file)}: ${error.message}`, { cause: error });
  } finally {
    await handle?.close();
  }
}

/** The same for bytes already read: the start of the file, its last 512 bytes, and its length. */
export function judge(head: Buffer, tail: Buffer, fileSize: number, declared: 'raw' | 'qcow2' | undefined, policy: GatePolicy): Checked {
  const found = signatures(head, tail);
  const foreign = found.filter(({ format, plain }) => format !== 'qcow2' && !plain).map(({ format }) => format);
  const looksQcow2 = found.some(({ format }) => format === 'qcow2');
  if (declared === 'qcow2' && !looksQcow2) {
    const is = found[0]?.format ?? 'something else';
    throw new StorageError('bad_image', `is declared qcow2 but is ${is}`);
  }
  if (foreign.length > 0) throw new StorageError('bad_image', `is a ${foreign.join(' and ')} image; raw and qcow2 can be used`);
  if (!looksQcow2) return { format: 'raw', virtualSize: bytes(fileSize) };
  if (declared === 'raw') throw new StorageError('bad_image', 'is declared raw but has the header of a qcow2 image');
  const header = readQcow2(head, fileSize);
  if (header.backing !== undefined && (policy.backing === 'none' || !policy.backing(header.backing))) {
    throw new StorageError('bad_image', `qcow2 image refers to another file ('${header.backing.slice(0, 200)}')`);
  }
  return { format: 'qcow2', virtualSize: header.virtualSize };
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
