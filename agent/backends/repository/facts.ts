import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import { MIB } from '../../../runtime/units.ts';
import { abortError } from '../../tools/run.ts';
import type { RepositoryContext } from './repository.ts';

/** What is known of a file since the time of the backup. JSON: stands in journals. */
export interface FileFacts {
  readonly name: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Whole seconds since the epoch. */
  readonly modified: number;
  /** Of the disk, when the file is a qcow2 image. */
  readonly virtualBytes?: number;
}

const SMALL = 4 * MIB;
const QCOW2 = Buffer.from('QFI\xfb', 'latin1');

/** Sums up the named files of a directory. Error conflict: one of them changed meanwhile. */
export async function factsOf(directory: string, names: readonly string[], context: RepositoryContext): Promise<readonly FileFacts[]> {
  const sizes = await Promise.all(names.map(async (name) => (await stat(path.join(directory, name))).size));
  const totalBytes = sizes.reduce((sum, size) => sum + size, 0);
  let doneBytes = 0;
  const onBytes = (count: number): void => {
    doneBytes += count;
    context.report({ step: 'checksum', doneBytes, totalBytes });
  };
  const facts: FileFacts[] = [];
  for (const name of names) facts.push({ name, ...(await factsOfFile(path.join(directory, name), onBytes, context.signal)) });
  return facts;
}

async function factsOfFile(file: string, onBytes: (count: number) => void, signal: AbortSignal): Promise<Omit<FileFacts, 'name'>> {
  try {
    const before = await stat(file);
    const hash = createHash('sha256');
    let head = Buffer.alloc(0);
    for await (const chunk of createReadStream(file, { highWaterMark: MIB })) {
      if (signal.aborted) throw abortError(signal);
      const data = chunk as Buffer;
      if (head.length < HEAD_BYTES) head = Buffer.concat([head, data.subarray(0, HEAD_BYTES)]);
      hash.update(data);
      onBytes(data.length);
    }
    const after = await stat(file);
    if (after.size !== before.size || after.mtimeMs !== before.mtimeMs)
      throw new StorageError('conflict', `${file} changed while it was read`);
    const virtualBytes = virtualSizeOf(head);
    const facts = { sha256: hash.digest('hex'), sizeBytes: after.size, modified: Math.floor(after.mtimeMs / 1000) };
    return virtualBytes === undefined ? facts : { ...facts, virtualBytes };
  } catch (thrown) {
    throw asStorageError(thrown, `read ${file}`);
  }
}

/** Compares files with the sizes they have in a repository. Error storage_failed. */
export function compareSizes(files: readonly FileFacts[], sizes: ReadonlyMap<string, number>, where: string): void {
  const wrong = files.find(({ name, sizeBytes }) => sizes.get(name) !== sizeBytes);
  if (wrong === undefined) return;
  const found = sizes.get(wrong.name);
  const stored = found === undefined ? 'lacks it' : `has ${found} bytes of it`;
  throw new StorageError('storage_failed', `${wrong.name} has ${wrong.sizeBytes} bytes, and the backup at ${where} ${stored}`);
}

/** Bytes of a file that say how large its disk is. */
export const HEAD_BYTES = 104;

/** Virtual size by the header of a qcow2 file; undefined: it is none. Nothing else of the header is believed or used. */
export function virtualSizeOf(head: Buffer): number | undefined {
  if (head.length < 32 || !head.subarray(0, 4).equals(QCOW2)) return undefined;
  const size = head.readBigUInt64BE(24);
  return size > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : Number(size);
}

/** A small text of a backup. Error too_big. */
export async function readSmall(source: AsyncIterable<Buffer>, what: string): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > SMALL) throw new StorageError('too_big', `${what} has more than ${SMALL} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
