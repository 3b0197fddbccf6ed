import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import { MIB } from '../../../runtime/units.ts';
import { abortError } from '../../tools/run.ts';
import type { RepositoryContext } from './repository.ts';

/** Lies in every backup beside vm.xml. Stock drivers carry it along and never look at it. */
export const MANIFEST = 'onestorage.json';

const fileSchema = z.object({
  sha256: z.string().regex(/^[0-9a-f]{64}$/u),
  sizeBytes: z.number().int().nonnegative(),
  /** Whole seconds since the epoch. */
  modified: z.number().int(),
  /** Of the disk, when the file is a qcow2 image. */
  virtualBytes: z.number().int().nonnegative().optional(),
});
const manifestSchema = z.object({ version: z.literal(1), files: z.record(z.string(), fileSchema) });

export type Manifest = z.infer<typeof manifestSchema>;
export type FileFacts = z.infer<typeof fileSchema>;

const SMALL = 4 * MIB;
const QCOW2 = Buffer.from('QFI\xfb', 'latin1');

/** Sums up the named files of a directory and writes the sums beside them. */
export async function writeManifest(directory: string, names: readonly string[], context: RepositoryContext): Promise<Manifest> {
  const files: Record<string, FileFacts> = {};
  const sizes = await Promise.all(names.map(async (name) => (await stat(path.join(directory, name))).size));
  const totalBytes = sizes.reduce((sum, size) => sum + size, 0);
  let doneBytes = 0;
  const onBytes = (count: number): void => {
    doneBytes += count;
    context.report({ step: 'checksum', doneBytes, totalBytes });
  };
  for (const name of names) files[name] = await factsOf(path.join(directory, name), onBytes, context.signal);
  const manifest: Manifest = { version: 1, files };
  const target = path.join(directory, MANIFEST);
  const handle = await open(`${target}.new`, 'w', 0o644);
  try {
    await handle.writeFile(`${JSON.stringify(manifest)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${target}.new`, target);
  return manifest;
}

async function factsOf(file: string, onBytes: (count: number) => void, signal: AbortSignal): Promise<FileFacts> {
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

/** Bytes of a file that say how large its disk is. */
export const HEAD_BYTES = 104;

/** Virtual size by the header of a qcow2 file; undefined: it is none. Nothing else of the header is believed or used. */
export function virtualSizeOf(head: Buffer): number | undefined {
  if (head.length < 32 || !head.subarray(0, 4).equals(QCOW2)) return undefined;
  const size = head.readBigUInt64BE(24);
  return size > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : Number(size);
}

/** Reads the text of a manifest; undefined: it is none. */
export function parseManifest(text: string): Manifest | undefined {
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
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
