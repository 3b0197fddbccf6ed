import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory of its own for one test file. */
export async function scratch(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'onestorage-origin-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** A disk as they are: data, a long hole, data, and an odd end. */
export function sampleDisk(): Buffer {
  return Buffer.concat([
    randomBytes(300_000),
    Buffer.alloc(1_500_000),
    randomBytes(200_000),
    Buffer.alloc(100_000),
    Buffer.from('the end'),
  ]);
}

export async function collect(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function* chunksOf(content: Buffer, size = 65_536): AsyncGenerator<Buffer> {
  for (let from = 0; from < content.length; from += size) yield content.subarray(from, from + size);
}

/** What a promise was rejected with. */
export async function failureOf(promise: Promise<unknown>): Promise<{ reason?: string; message: string }> {
  return promise.then(
    () => {
      throw new Error('it did not fail');
    },
    (thrown: unknown) => thrown as { reason?: string; message: string },
  );
}
