import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exposeLayer, nameChange, settleNames } from '../../../../agent/backends/live/migration-names.ts';

/** The names of a disk while its guest is migrated, and back: from every state that a crash may leave. */

let directory: string;
const at = (name: string) => path.join(directory, name);
const disk = () => ({ path: at('disk.0'), directory, name: 'disk.0' });

beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'onestorage-names-'));
  await mkdir(at('disk.0.snap'));
  await symlink('.', at('disk.0.snap/disk.0.snap'));
  for (const name of ['0', '1', '2']) await writeFile(at(`disk.0.snap/${name}`), `layer ${name}`);
  await symlink('disk.0.snap/2', at('disk.0'));
  await writeFile(at('disk.1'), 'raw');
  await mkdir(at('disk.1.snap'));
  await writeFile(at('disk.1.snap/0'), 'a full copy');
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function isUsual(): Promise<void> {
  expect((await readdir(directory)).sort()).toEqual(['disk.0', 'disk.0.snap', 'disk.1', 'disk.1.snap']);
  expect((await readdir(at('disk.0.snap'))).sort()).toEqual(['0', '1', '2', 'disk.0.snap']);
  expect(await readlink(at('disk.0'))).toBe('disk.0.snap/2');
  for (const name of ['0', '1', '2']) {
    expect((await lstat(at(`disk.0.snap/${name}`))).isFile()).toBe(true);
    expect(await readFile(at(`disk.0.snap/${name}`), 'utf8')).toBe(`layer ${name}`);
  }
  expect(await readFile(at('disk.1'), 'utf8')).toBe('raw');
}

describe.each([
  ['by its link', true, 'disk.0'],
  ['by the name of the layer', false, 'disk.0.migrating'],
] as const)('a disk that libvirt knows %s', (_, byLink, data) => {
  const change = () => nameChange(disk(), '2', byLink);

  it('has its layer as a plain file, every name leads to it, and all is as before afterwards', async () => {
    const before = (await lstat(at('disk.0.snap/2'))).ino;
    for (let again = 0; again < 2; again += 1) await exposeLayer(directory, change(), 'op');
    expect((await lstat(at(data))).ino).toBe(before);
    expect((await lstat(at(data))).isFile()).toBe(true);
    expect(await readlink(at('disk.0.snap/2'))).toBe(`../${data}`);
    expect(await readFile(at('disk.0'), 'utf8')).toBe('layer 2');
    expect(await settleNames(directory, 'op')).toBe(true);
    await isUsual();
    expect(await settleNames(directory, 'op')).toBe(false);
    await isUsual();
  });

  it('has its usual names after it was cut short on the way', async () => {
    // The second name is there, the first not yet a link.
    await exposeLayer(directory, change(), 'op');
    await unlink(at('disk.0.snap/2'));
    const { link } = await import('node:fs/promises');
    await link(at(data), at('disk.0.snap/2'));
    expect(await settleNames(directory, 'op')).toBe(true);
    await isUsual();
  });
});

it('points the disk at the layer the guest writes to, wherever it led on the target meanwhile', async () => {
  await exposeLayer(directory, nameChange(disk(), '2', false), 'op');
  await unlink(at('disk.0'));
  await symlink('disk.0.snap/0', at('disk.0'));
  await settleNames(directory, 'op');
  await isUsual();
});

it('does not take a disk for settled whose data is missing', async () => {
  await exposeLayer(directory, nameChange(disk(), '2', false), 'op');
  await rename(at('disk.0.migrating'), at('elsewhere'));
  await expect(settleNames(directory, 'op')).rejects.toMatchObject({ reason: 'broken_chain' });
});
