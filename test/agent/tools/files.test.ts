import { open, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { copyAllocated, copySparse } from '../../../agent/tools/cp.ts';
import { mkfs } from '../../../agent/tools/mkfs.ts';
import { mkswap } from '../../../agent/tools/mkswap.ts';
import { MIB } from '../../../runtime/units.ts';
import { fakeContext, lacks, temporaryDirectory } from './context.ts';

const context = fakeContext();
const noExt = await lacks('mkfs.ext2', 'mkfs.ext3', 'mkfs.ext4');
const noXfs = await lacks('mkfs.xfs');
const noSwap = await lacks('mkswap');

async function sparse(size: number): Promise<string> {
  const file = path.join(await temporaryDirectory(), 'disk');
  await writeFile(file, '');
  await truncate(file, size);
  return file;
}

async function bytesAt(file: string, position: number, length: number): Promise<Buffer> {
  const handle = await open(file);
  const { buffer } = await handle.read(Buffer.alloc(length), 0, length, position);
  await handle.close();
  return buffer;
}

describe('programs that make and copy files', () => {
  it('cp keeps holes, or fills them', async () => {
    const file = await sparse(8 * MIB);
    const handle = await open(file, 'r+');
    await handle.write('text', 4 * MIB);
    await handle.close();
    await copySparse(file, `${file}.sparse`, context);
    await copyAllocated(file, `${file}.full`, context);
    expect((await readFile(`${file}.sparse`)).equals(await readFile(`${file}.full`))).toBe(true);
    expect((await stat(`${file}.sparse`)).blocks * 512).toBeLessThan(MIB);
    expect((await stat(`${file}.full`)).blocks * 512).toBeGreaterThanOrEqual(8 * MIB);
  });

  it.skipIf(noExt)('mkfs makes ext file systems', async () => {
    for (const type of ['ext2', 'ext3', 'ext4'] as const) {
      const file = await sparse(16 * MIB);
      await mkfs(file, type, { preallocated: false }, context);
      expect((await bytesAt(file, 1024 + 56, 2)).readUInt16LE(0)).toBe(0xef53);
    }
  });

  it.skipIf(noXfs)('mkfs makes xfs, and says when a disk is too small for it', async () => {
    const file = await sparse(512 * MIB);
    await mkfs(file, 'xfs', { preallocated: true }, context);
    expect((await bytesAt(file, 0, 4)).toString()).toBe('XFSB');
    await expect(mkfs(await sparse(MIB), 'xfs', { preallocated: false }, context)).rejects.toMatchObject({ reason: 'tool_failed' });
  });

  it.skipIf(noSwap)('mkswap labels it swap', async () => {
    const file = await sparse(MIB);
    await mkswap(file, context);
    const page = await bytesAt(file, 0, 4096);
    expect(page.toString('latin1', 4086)).toBe('SWAPSPACE2');
    expect(page.toString('latin1', 1052, 1056)).toBe('swap');
  });
});
