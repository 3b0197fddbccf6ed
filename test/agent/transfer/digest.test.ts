import { randomBytes } from 'node:crypto';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hasProgram } from '../../../agent/tools/programs.ts';
import { digestFile } from '../../../agent/transfer/digest.ts';
import { MIB } from '../../../runtime/units.ts';

const context = { signal: new AbortController().signal };

describe.skipIf(process.env['CI'] !== 'true' && !(await hasProgram('qemu-img')))('digest of a file', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'onestorage-digest-'));
  });

  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  async function file(name: string, size: number, pieces: readonly (readonly [number, Buffer])[]): Promise<string> {
    const handle = await open(join(directory, name), 'w');
    await handle.truncate(size);
    for (const [at, data] of pieces) await handle.write(data, 0, data.length, at);
    await handle.sync();
    await handle.close();
    return join(directory, name);
  }

  const data = randomBytes(6 * MIB + 77);

  it('is the same for holes and for zeros, and reads no holes', async () => {
    const size = 40 * MIB + 123;
    const holes = await file('holes', size, [[9 * MIB - 5, data]]);
    const zeros = await file('zeros', size, [
      [0, Buffer.alloc(size)],
      [9 * MIB - 5, data],
    ]);
    const sparse = await digestFile(holes, context);
    expect((await digestFile(zeros, context)).digest).toBe(sparse.digest);
    expect(sparse.readBytes).toBeLessThanOrEqual(9 * MIB);
    expect((await digestFile(holes, context, { direct: true })).digest).toBe(sparse.digest);
  });

  it('differs by one bit, by place and by size', async () => {
    const size = 12 * MIB + 1;
    const other = Buffer.from(data);
    other[other.length - 1] = (other.at(-1) ?? 0) ^ 1;
    const digests = await Promise.all(
      [
        await file('a', size, [[0, data]]),
        await file('b', size, [[0, other]]),
        await file('c', size, [[MIB, data]]),
        await file('d', size + 1, [[0, data]]),
        await file('e', size, [[size - 1, Buffer.from([1])]]),
        await file('f', size, []),
      ].map(async (one) => (await digestFile(one, context)).digest),
    );
    expect(new Set(digests).size).toBe(6);
  });

  it('ends when it is cancelled', async () => {
    const big = await file('big', 9 * MIB, [[0, data]]);
    const cancelled = AbortSignal.abort();
    await expect(digestFile(big, { signal: cancelled })).rejects.toMatchObject({ reason: 'cancelled' });
  });

  // More at once than there are buffers: each must get its turn, also after some have been cancelled or have failed.
  it('is the same for many at once, and none waits for one that was cancelled', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `many${index}`);
    const files = await Promise.all(names.map((name, index) => file(name, 7 * MIB + index, [[0, data.subarray(index)]])));
    const alone: string[] = [];
    for (const one of files) alone.push((await digestFile(one, context)).digest);
    for (const count of [0, 1, 4]) {
      const cancel = new AbortController();
      const others = files.slice(0, count).map((one) => digestFile(one, { signal: cancel.signal }).catch(() => undefined));
      const together = Promise.all(files.map((one) => digestFile(one, context)));
      cancel.abort();
      expect((await together).map(({ digest }) => digest)).toEqual(alone);
      await Promise.all(others);
    }
  });
});
