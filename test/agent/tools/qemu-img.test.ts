import { open, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { check, compare, convert, create, info, rebase, resize } from '../../../agent/tools/qemu-img.ts';
import { bytes, MIB } from '../../../runtime/units.ts';
import { fakeContext, lacks, temporaryDirectory } from './context.ts';

const context = fakeContext();
const SIZE = bytes(4 * MIB);

async function writeAt(file: string, text: string, position: number): Promise<void> {
  const handle = await open(file, 'r+');
  await handle.write(text, position);
  await handle.close();
}

describe.skipIf(await lacks('qemu-img'))('qemu-img', () => {
  it('makes, grows and describes an image', async () => {
    const image = path.join(await temporaryDirectory(), 'a b,c:d');
    await create(image, 'qcow2', SIZE, {}, context);
    await resize(image, 'qcow2', bytes(8 * MIB), {}, context);
    expect(await info(image, 'qcow2', context, { untrusted: true })).toEqual({
      format: 'qcow2',
      virtualSize: 8 * MIB,
      backing: undefined,
      backingFormat: undefined,
    });
    expect(await check(image, context)).toEqual({ corruptions: 0, leaks: 0 });
  });

  it('allocates what it is asked to', async () => {
    const directory = await temporaryDirectory();
    for (const format of ['raw', 'qcow2'] as const) {
      const image = path.join(directory, format);
      await create(image, format, SIZE, { preallocate: true }, context);
      expect((await stat(image)).blocks * 512).toBeGreaterThanOrEqual(SIZE);
    }
  });

  it('keeps a relative backing name and finds it beside the image', async () => {
    const directory = await temporaryDirectory();
    await create(path.join(directory, 'base'), 'qcow2', SIZE, {}, context);
    const overlay = path.join(directory, 'top');
    await create(overlay, 'qcow2', undefined, { backing: { name: 'base', format: 'qcow2' } }, context);
    expect(await info(overlay, 'qcow2', context)).toMatchObject({ backing: 'base', backingFormat: 'qcow2', virtualSize: SIZE });
    await rebase(overlay, 'qcow2', undefined, {}, context);
    expect((await info(overlay, 'qcow2', context)).backing).toBeUndefined();
  });

  it('refuses a backing name that qemu would take for something else', async () => {
    const image = path.join(await temporaryDirectory(), 'x');
    for (const name of ['', 'nbd:localhost:1', 'json:{}', 'fat:/etc']) {
      await expect(create(image, 'qcow2', SIZE, { backing: { name, format: 'raw' } }, context)).rejects.toMatchObject({
        reason: 'broken_chain',
      });
    }
    await expect(create('-x', 'qcow2', SIZE, {}, context)).rejects.toMatchObject({ reason: 'internal' });
  });

  it('converts and compares, and says how far it is', async () => {
    const directory = await temporaryDirectory();
    const raw = path.join(directory, 'raw');
    const image = path.join(directory, 'qcow2');
    await writeFile(raw, Buffer.alloc(SIZE, 'data'));
    const seen: number[] = [];
    await convert(raw, 'raw', image, 'qcow2', { onProgress: (done) => seen.push(done) }, context);
    expect(seen.at(-1)).toBe(1);
    expect(await compare(raw, 'raw', image, 'qcow2', context)).toBe(true);
    await writeAt(raw, 'X', 12345);
    expect(await compare(raw, 'raw', image, 'qcow2', context)).toBe(false);
  });
});
