import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Located, locate } from '../../../../agent/backends/file/places.ts';
import { removeVolume } from '../../../../agent/backends/file/remove.ts';
import { fakeContext, temporaryDirectory } from '../../tools/context.ts';
import { canMount, mountSmall } from './small-disk.ts';

/** A VM directory with a qcow2 disk, a CD that links into an image datastore, and a plain file. */
async function vm(place: string): Promise<Located> {
  const datastores = await temporaryDirectory();
  const directory = path.join(datastores, '104/9');
  await mkdir(path.join(directory, 'disk.0.snap'), { recursive: true });
  await mkdir(path.join(datastores, '1/image.snap'), { recursive: true });
  await writeFile(path.join(datastores, '1/image'), 'image');
  await writeFile(path.join(datastores, '1/image.snap/0'), 'layer');
  await writeFile(path.join(directory, 'disk.0.snap/0'), 'layer');
  await symlink('.', path.join(directory, 'disk.0.snap/disk.0.snap'));
  await symlink('disk.0.snap/0', path.join(directory, 'disk.0'));
  await symlink('../../1/image', path.join(directory, 'disk.1'));
  await symlink('../../1/image.snap', path.join(directory, 'disk.1.snap'));
  await symlink('nowhere', path.join(directory, 'disk.2'));
  await writeFile(path.join(directory, 'vm.xml'), '');
  return locate(datastores, { datastoreId: 104, path: place });
}

async function images(located: Located): Promise<string[]> {
  const image = path.join(path.dirname(located.root), '1/image');
  return [await readFile(image, 'utf8'), await readFile(`${image}.snap/0`, 'utf8')];
}

describe('removing', () => {
  it('takes a disk with its snapshots', async () => {
    const located = await vm('9/disk.0');
    const context = fakeContext();
    await removeVolume(located, 'disk', context);
    expect(await readdir(located.directory)).toEqual(['disk.1', 'disk.1.snap', 'disk.2', 'vm.xml']);
    expect(context.committed).toBe(true);
    await removeVolume(located, 'disk', fakeContext({ operationId: 'op-2' }));
  });

  it('never follows a link, and takes a dangling one', async () => {
    for (const name of ['9/disk.1', '9/disk.2', '9']) {
      const located = await vm(name);
      await removeVolume(located, 'disk', fakeContext());
      expect(await readdir(located.directory)).not.toContain(located.name);
      expect(await images(located)).toEqual(['image', 'layer']);
    }
  });

  it('takes a whole VM directory', async () => {
    const located = await vm('9');
    await writeFile(path.join(located.root, '.monitor'), 'x\n');
    await removeVolume(located, 'disk', fakeContext());
    expect(await readdir(located.root)).toEqual(['.monitor']);
  });

  it('takes an image with its snapshots and checksum', async () => {
    const located = await locate(await temporaryDirectory(), { datastoreId: 1, path: 'abc' });
    await mkdir(`${located.path}.snap`, { recursive: true });
    for (const name of ['abc', 'abc.md5sum', 'abc.snap/0', 'abcd']) await writeFile(path.join(located.root, name), '');
    await removeVolume(located, 'image', fakeContext());
    expect(await readdir(located.root)).toEqual(['abcd']);
    await removeVolume(located, 'image', fakeContext());
  });

  it('is finished by the next attempt after a crash', async () => {
    const located = await vm('9');
    const stage = path.join(located.root, '.onestorage.op-1.9');
    await mkdir(path.join(stage, 'disk.5.snap'), { recursive: true });
    await removeVolume(located, 'disk', fakeContext());
    expect(await readdir(located.root)).toEqual([]);
    await mkdir(stage);
    await removeVolume(located, 'disk', fakeContext());
    expect(await readdir(located.root)).toEqual([]);
  });

  it.skipIf(!canMount)('stops before it changes anything when something is mounted inside (needs root to mount)', async () => {
    const located = await vm('9');
    const mountPoint = await mountSmall(located.path, 'mnt', '1m');
    await writeFile(path.join(mountPoint, 'kept'), '');
    const context = fakeContext();
    await expect(removeVolume(located, 'disk', context)).rejects.toMatchObject({
      reason: 'in_use',
      message: `${mountPoint} is a mount point; unmount it first`,
    });
    expect(context.committed).toBe(false);
    expect(await readdir(mountPoint)).toEqual(['kept']);
    expect(await readdir(located.path)).toContain('disk.0');
  });
});
