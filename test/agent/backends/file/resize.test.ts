import { mkdir, readFile, readlink, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Located, locate } from '../../../../agent/backends/file/places.ts';
import { activeFile, resizeVolume } from '../../../../agent/backends/file/resize.ts';
import { create, info } from '../../../../agent/tools/qemu-img.ts';
import { bytes, GIB, MIB } from '../../../../runtime/units.ts';
import { fakeContext, lacks, temporaryDirectory } from '../../tools/context.ts';

const incomplete = await lacks('qemu-img');

async function disk(): Promise<Located> {
  const located = await locate(await temporaryDirectory(), { datastoreId: 104, path: '9/disk.0' });
  await mkdir(located.directory, { recursive: true });
  return located;
}

describe.skipIf(incomplete)('resizing', () => {
  it('grows raw and qcow2, and is content with the size that is there', async () => {
    for (const format of ['raw', 'qcow2'] as const) {
      const located = await disk();
      await create(located.path, format, bytes(4 * MIB), {}, fakeContext());
      const growth = { size: bytes(8 * MIB), format, preallocate: false };
      await resizeVolume(located, growth, 'node2', fakeContext());
      expect((await info(located.path, format, fakeContext())).virtualSize).toBe(8 * MIB);
      const again = fakeContext();
      await resizeVolume(located, growth, 'node2', again);
      expect(again).toMatchObject({ steps: [], committed: false });
    }
  });

  it('allocates when asked to', async () => {
    const located = await disk();
    await writeFile(located.path, Buffer.alloc(MIB));
    await resizeVolume(located, { size: bytes(8 * MIB), format: 'raw', preallocate: true }, 'node2', fakeContext());
    expect((await stat(located.path)).blocks * 512).toBeGreaterThanOrEqual(8 * MIB);
  });

  it('allocates what an attempt before left without blocks, and keeps its content', async () => {
    const located = await disk();
    await writeFile(located.path, 'content');
    await truncate(located.path, 8 * MIB);
    await resizeVolume(located, { size: bytes(8 * MIB), format: 'raw', preallocate: true }, 'node2', fakeContext());
    const { blocks, size } = await stat(located.path);
    expect([size, blocks * 512 >= 8 * MIB]).toEqual([8 * MIB, true]);
    expect((await readFile(located.path)).subarray(0, 8).toString()).toBe('content\0');
  });

  it('does not shrink', async () => {
    const located = await disk();
    await create(located.path, 'raw', bytes(20 * GIB), {}, fakeContext());
    const context = fakeContext();
    await expect(
      resizeVolume(located, { size: bytes(10 * GIB), format: 'raw', preallocate: false }, 'node2', context),
    ).rejects.toMatchObject({
      reason: 'conflict',
      message: 'disk.0 is 20.0 GiB; it cannot shrink to 10.0 GiB',
    });
    expect(context.committed).toBe(false);
  });

  it('grows the active layer of a disk with snapshots', async () => {
    const located = await disk();
    const snapshots = `${located.path}.snap`;
    await mkdir(snapshots);
    await symlink('.', path.join(snapshots, 'disk.0.snap'));
    await create(path.join(snapshots, '0'), 'qcow2', bytes(4 * MIB), {}, fakeContext());
    const backing = { name: 'disk.0.snap/0', format: 'qcow2' } as const;
    await create(path.join(snapshots, '1'), 'qcow2', undefined, { backing }, fakeContext());
    await symlink('disk.0.snap/1', located.path);
    await resizeVolume(located, { size: bytes(8 * MIB), format: 'qcow2', preallocate: false }, 'node2', fakeContext());
    const sizes = ['0', '1'].map(async (layer) => (await info(path.join(snapshots, layer), 'qcow2', fakeContext())).virtualSize);
    expect(await Promise.all(sizes)).toEqual([4 * MIB, 8 * MIB]);
    expect(await readlink(located.path)).toBe('disk.0.snap/1');
  });

  it.each(['/etc/passwd', '../1/image', 'disk.0.snap/../x', 'disk.0.snap/..', 'disk.1.snap/0', 'disk.0.snap/0/1'])(
    'follows no link to %s',
    async (target) => {
      const located = await disk();
      await symlink(target, located.path);
      await expect(activeFile(located)).rejects.toMatchObject({ reason: 'conflict' });
    },
  );

  it('follows no second link, and misses what is not there', async () => {
    const located = await disk();
    await expect(activeFile(located)).rejects.toMatchObject({ reason: 'not_found' });
    await mkdir(`${located.path}.snap`);
    await symlink('/etc/passwd', `${located.path}.snap/0`);
    await symlink('disk.0.snap/0', located.path);
    await expect(activeFile(located)).rejects.toMatchObject({ reason: 'conflict' });
  });
});
