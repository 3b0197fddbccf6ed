import { mkdir, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readChain } from '../../../../agent/backends/file/chain.ts';
import { makeDisk, program, type TestDisk } from '../../../helpers/disks.ts';

let disk: TestDisk;
beforeEach(async () => {
  disk = await makeDisk('qcow2', 'layers');
});
afterEach(() => disk.remove());

const layer = (name: string): string => path.join(`${disk.path}.snap`, name);
const names = async (): Promise<string[]> =>
  (await readChain(disk.path, 'qcow2', disk.root)).map(({ path: file }) => path.relative(disk.datastores, file));

async function overlay(name: string, backing: string): Promise<void> {
  await program('qemu-img', 'create', '-q', '-u', '-f', 'qcow2', '-b', backing, '-F', 'qcow2', layer(name), '512k');
  await unlink(disk.path);
  await symlink(`disk.0.snap/${name}`, disk.path);
}

it('reads one with two digits in its numbers, active first', async () => {
  await overlay('9', 'disk.0.snap/0');
  await overlay('10', 'disk.0.snap/9');
  await overlay('11', 'disk.0.snap/10');
  expect(await names()).toEqual(['11', '10', '9', '0'].map((name) => `0/9/disk.0.snap/${name}`));
});

it.each([['0'], ['./0'], ['disk.0.snap/disk.0.snap/0']])('follows the backing name %s', async (name) => {
  await overlay('1', name);
  expect(await names()).toEqual(['0/9/disk.0.snap/1', '0/9/disk.0.snap/0']);
});

it('follows names under which a disk lived before, by its self links', async () => {
  await overlay('1', 'former.snap/0');
  await expect(names()).rejects.toMatchObject({ reason: 'broken_chain', message: expect.stringContaining('former.snap/0 is missing') });
  await symlink('.', layer('former.snap'));
  expect(await names()).toEqual(['0/9/disk.0.snap/1', '0/9/disk.0.snap/0']);
});

it('follows absolute names to images, and to their snapshots', async () => {
  const image = path.join(disk.datastores, '1', 'abc');
  await mkdir(`${image}.snap`, { recursive: true });
  await program('qemu-img', 'create', '-q', '-f', 'qcow2', image, '512k');
  await program('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', image, '-F', 'qcow2', `${image}.snap/1`);
  await overlay('1', `${image}.snap/1`);
  expect(await names()).toEqual(['0/9/disk.0.snap/1', '1/abc.snap/1', '1/abc']);
});

it('lets a datastore be a link to a mounted directory', async () => {
  const elsewhere = path.join(disk.base, 'mounted');
  await mkdir(elsewhere);
  await symlink(elsewhere, path.join(disk.datastores, '1'));
  await program('qemu-img', 'create', '-q', '-f', 'qcow2', path.join(elsewhere, 'abc'), '512k');
  await overlay('1', path.join(disk.datastores, '1', 'abc'));
  expect((await names())[1]).toBe('../mounted/abc');
});

it('refuses loops', async () => {
  await overlay('1', '2');
  await overlay('2', '1');
  await expect(names()).rejects.toMatchObject({ reason: 'broken_chain', message: expect.stringContaining('its own backing file') });
});

it('refuses a layer that names itself', async () => {
  await overlay('1', 'disk.0.snap/1');
  await expect(names()).rejects.toMatchObject({ reason: 'broken_chain', message: expect.stringContaining('its own backing file') });
});

it('refuses names that lead elsewhere, before it opens what they name', async () => {
  const outside = path.join(disk.base, 'secret');
  const other = path.join(disk.root, '10', 'disk.0');
  await mkdir(path.dirname(other));
  for (const file of [outside, other]) await program('qemu-img', 'create', '-q', '-f', 'qcow2', file, '512k');
  await symlink(outside, layer('link'));
  const hostile = [
    outside,
    other,
    '../../10/disk.0',
    '../../../../secret',
    'link',
    'nbd:localhost:10809',
    'json:{"driver":"file"}',
    'a\nb',
  ];
  for (const name of hostile) {
    await overlay('1', name);
    await expect(names(), name).rejects.toMatchObject({ reason: 'broken_chain' });
  }
});

it('refuses another format below, and files that are none', async () => {
  await writeFile(layer('5'), Buffer.alloc(4096));
  await overlay('1', '5');
  await expect(names()).rejects.toMatchObject({ reason: 'broken_chain', message: expect.stringContaining('qcow2 image has no header') });
  await program('qemu-img', 'create', '-q', '-u', '-f', 'qcow2', '-b', '0', '-F', 'raw', layer('1'), '512k');
  await expect(names()).rejects.toMatchObject({ reason: 'broken_chain', message: expect.stringContaining('said to be raw') });
});

it('says what is missing', async () => {
  await overlay('1', 'disk.0.snap/0');
  await rename(layer('0'), layer('gone'));
  await expect(names()).rejects.toMatchObject({ reason: 'broken_chain', message: expect.stringContaining('disk.0.snap/0 is missing') });
  await rm(layer('1'));
  await expect(names()).rejects.toMatchObject({ reason: 'broken_chain', message: expect.stringContaining('points at disk.0.snap/1') });
  await rm(disk.path);
  await expect(names()).rejects.toMatchObject({ reason: 'not_found' });
});

it('refuses a disk that is a link out of its own files', async () => {
  await unlink(disk.path);
  await symlink('/etc/hostname', disk.path);
  await expect(readChain(disk.path, 'raw', disk.root)).rejects.toMatchObject({ reason: 'broken_chain' });
});

it('takes a raw disk as it is, whatever a guest wrote into it', async () => {
  const raw = path.join(disk.directory, 'disk.1');
  await program('qemu-img', 'create', '-q', '-u', '-f', 'qcow2', '-b', '/etc/shadow', '-F', 'raw', raw, '512k');
  expect(await readChain(raw, 'raw', disk.root)).toMatchObject([{ path: raw, format: 'raw', backing: undefined }]);
});
