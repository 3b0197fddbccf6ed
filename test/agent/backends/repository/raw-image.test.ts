import { readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RawImage } from '../../../../agent/backends/repository/raw-image.ts';
import { scratch } from '../../origin/helpers.ts';

const MIB = 1024 * 1024;
const SIZE = 4 * MIB;
const context = { signal: new AbortController().signal };

let place: Awaited<ReturnType<typeof scratch>>;
let file: string;
beforeAll(async () => {
  place = await scratch();
  file = path.join(place.path, 'image');
});
afterAll(() => place.remove());

async function written(fresh: boolean, work: (image: RawImage) => Promise<void>): Promise<number> {
  if (fresh) await rm(file, { force: true });
  const image = await RawImage.open(file, { fresh }, context);
  try {
    await work(image);
    return await image.finish();
  } finally {
    await image.close();
  }
}

type Change =
  | { readonly kind: 'write' | 'zero'; readonly offset: number; readonly length: number; readonly byte: number }
  | { readonly kind: 'resize'; readonly size: number }
  | { readonly kind: 'again' };

/** Makes a change to an image and to what it must be. */
async function make(change: Change, image: RawImage, model: Buffer): Promise<{ readonly image: RawImage; readonly model: Buffer }> {
  if (change.kind === 'again') {
    await image.finish();
    await image.close();
    return { image: await RawImage.open(file, { fresh: false }, context), model };
  }
  if (change.kind === 'resize') {
    await image.resize(change.size);
    const added = Buffer.alloc(Math.max(0, change.size - model.length));
    return { image, model: Buffer.concat([model.subarray(0, change.size), added]) };
  }
  const length = Math.min(change.length, model.length - change.offset);
  if (length <= 0) return { image, model };
  if (change.kind === 'write') await image.write(change.offset, Buffer.alloc(length, change.byte));
  else await image.zero(change.offset, length);
  model.fill(change.kind === 'write' ? change.byte : 0, change.offset, change.offset + length);
  return { image, model };
}

describe('a raw image', () => {
  it('is what was written into it, in whatever order, in one go or in several', async () => {
    const offset = fc.integer({ min: 0, max: SIZE - 1 });
    const byte = fc.integer({ min: 0, max: 3 });
    const length = fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 200_000 }), fc.integer({ min: MIB, max: SIZE }));
    const change: fc.Arbitrary<Change> = fc.oneof(
      fc.record({ kind: fc.constantFrom('write', 'zero'), offset, length, byte }),
      fc.record({ kind: fc.constant('resize'), size: fc.integer({ min: 1, max: SIZE }) }),
      fc.constant({ kind: 'again' } as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 12 }), async (changes) => {
        await rm(file, { force: true });
        let made: Awaited<ReturnType<typeof make>> = { image: await RawImage.open(file, { fresh: true }, context), model: Buffer.alloc(0) };
        for (const one of [{ kind: 'resize', size: SIZE } as const, ...changes]) made = await make(one, made.image, made.model);
        await made.image.finish();
        await made.image.close();
        expect((await readFile(file)).equals(made.model)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('has holes where nothing was written, where zeros were, and where data has become zeros', async () => {
    const blocks = async (): Promise<number> => (await stat(file)).blocks * 512;
    const skipped = await written(true, async (image) => {
      await image.resize(1024 * MIB);
      await image.write(512 * MIB, Buffer.alloc(MIB));
      await image.write(600 * MIB, Buffer.alloc(4 * MIB, 7));
    });
    expect(await blocks()).toBeLessThan(5 * MIB);
    expect(skipped).toBeGreaterThan(1000 * MIB);
    // In as many records as Ceph has objects.
    await written(false, async (image) => {
      for (let at = 0; at < 1024; at += 4) await image.zero(at * MIB, 4 * MIB);
    });
    expect(await blocks()).toBe(0);
    expect((await stat(file)).size).toBe(1024 * MIB);
  });

  it('is made once, and no link is followed', async () => {
    await written(true, (image) => image.resize(1));
    await expect(RawImage.open(file, { fresh: true }, context)).rejects.toMatchObject({ reason: 'already_exists' });
    await expect(RawImage.open(path.join(place.path, 'gone'), { fresh: false }, context)).rejects.toMatchObject({ reason: 'not_found' });
  });
});
