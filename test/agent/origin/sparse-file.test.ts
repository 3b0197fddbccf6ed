import { randomBytes } from 'node:crypto';
import { readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeSparse } from '../../../agent/origin/sparse-file.ts';
import { chunksOf, failureOf, sampleDisk, scratch } from './helpers.ts';

let root: Awaited<ReturnType<typeof scratch>>;
let count = 0;
beforeAll(async () => {
  root = await scratch();
});
afterAll(() => root.remove());
const fresh = (): string => join(root.path, String(++count));
const options = { preallocate: false, mode: 0o644 };

describe('writing an image', () => {
  it('leaves zeros out and keeps every byte', async () => {
    const disk = sampleDisk();
    const file = fresh();
    const written = await writeSparse(file, chunksOf(disk, 77_777), options);
    expect(written.sizeBytes).toBe(disk.length);
    expect((await readFile(file)).equals(disk)).toBe(true);
    const { blocks, size } = await stat(file);
    expect(written.holeBytes).toBeGreaterThan(1_300_000);
    expect(blocks * 512).toBeLessThan(size - 1_000_000);
  });

  it('allocates every block when told to', async () => {
    const disk = Buffer.alloc(3_000_000);
    const file = fresh();
    await writeSparse(file, chunksOf(disk), { ...options, preallocate: true });
    const { blocks, size } = await stat(file);
    expect(size).toBe(disk.length);
    expect(blocks * 512).toBeGreaterThanOrEqual(size);
  });

  it('keeps a file that is zeros to its end as long as it is', async () => {
    const file = fresh();
    expect(await writeSparse(file, chunksOf(Buffer.alloc(5_000_123)), options)).toEqual({ sizeBytes: 5_000_123, holeBytes: 5_000_123 });
    expect((await stat(file)).size).toBe(5_000_123);
  });

  it('keeps any content in any chunks', async () => {
    const part = fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 200_000 }));
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 8 }), fc.integer({ min: 500, max: 300_000 }), async (parts, size) => {
        const content = Buffer.concat(parts.map(([zero, length]) => (zero ? Buffer.alloc(length) : randomBytes(length))));
        const file = fresh();
        await writeSparse(file, chunksOf(content, size), options);
        expect((await readFile(file)).equals(content)).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  it('overwrites nothing and follows no link', async () => {
    const file = fresh();
    const linked = fresh();
    await writeFile(file, 'there');
    await symlink(fresh(), linked);
    for (const path of [file, linked]) {
      expect(await failureOf(writeSparse(path, chunksOf(Buffer.alloc(10)), options))).toMatchObject({ reason: 'already_exists' });
    }
    expect(await readFile(file, 'utf8')).toBe('there');
  });
});
