import { mkdir, readdir, readFile, readlink, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { flattenSnapshot } from '../../../../agent/backends/file/flatten.ts';
import { readHeader } from '../../../../agent/backends/file/layers.ts';
import { createSnapshot } from '../../../../agent/backends/file/snapshots-create.ts';
import { deleteSnapshot } from '../../../../agent/backends/file/snapshots-delete.ts';
import { snapshotFile } from '../../../../agent/backends/file/snapshots-layout.ts';
import { revertSnapshot } from '../../../../agent/backends/file/snapshots-revert.ts';
import { testContext } from '../../../helpers/context.ts';
import {
  BLOCK,
  BLOCKS,
  differences,
  type Model,
  makeDisk,
  program,
  readContent,
  type TestDisk,
  tree,
  writeBlocks,
} from '../../../helpers/disks.ts';

let disk: TestDisk;
afterEach(() => disk.remove());

let operations = 0;
const context = () => testContext({ operationId: `op-${operations++}` });
const layer = (name: string | number): string => path.join(`${disk.path}.snap`, String(name));
const backingOf = async (name: string | number): Promise<string | undefined> => (await readHeader(layer(name))).backingName;
const blocks = (...runs: [first: number, count: number, value: number][]): Model => {
  const model = new Uint8Array(BLOCKS);
  for (const [first, count, value] of runs) model.fill(value, first, first + count);
  return model;
};
const content = async (file: string, model: Model): Promise<string[]> => differences(await readContent(file, disk.format), model);
const snapshot = async (id: number, model: Model): Promise<string[]> => await content(await snapshotFile(disk, id), model);

describe('qcow2 layers', () => {
  it('lie as OpenNebula expects them (contract 2.2)', async () => {
    disk = await makeDisk('qcow2', 'plain');
    await writeBlocks(disk, 0, 4, 1);
    await createSnapshot(disk, 0, context());
    await writeBlocks(disk, 2, 4, 2);
    await createSnapshot(disk, 1, context());
    expect(await tree(disk.directory)).toEqual([
      'disk.0 -> disk.0.snap/2',
      'disk.0.snap/',
      'disk.0.snap/0',
      'disk.0.snap/1',
      'disk.0.snap/2',
      'disk.0.snap/disk.0.snap -> .',
    ]);
    expect([await backingOf(0), await backingOf(1), await backingOf(2)]).toEqual([undefined, 'disk.0.snap/0', 'disk.0.snap/1']);
    // As libvirt opens it: by the disk's own name.
    expect(JSON.parse(await program('qemu-img', 'info', '--output=json', '--backing-chain', disk.path))).toHaveLength(3);
  });

  it('work above 9, by number and not by name', async () => {
    disk = await makeDisk('qcow2', 'layers');
    for (let id = 0; id < 12; id += 1) {
      await writeBlocks(disk, id, 1, id + 1);
      await createSnapshot(disk, id, context());
    }
    expect(await readlink(disk.path)).toBe('disk.0.snap/12');
    await deleteSnapshot(disk, 9, context());
    await deleteSnapshot(disk, 1, context());
    expect(await backingOf(10)).toBe('disk.0.snap/8');
    const model = blocks(...Array.from({ length: 12 }, (_, id): [number, number, number] => [id, 1, id + 1]));
    expect([await content(disk.path, model), await snapshot(11, model)]).toEqual([[], []]);
  });

  it('keep an image whole under the names it had as a disk', async () => {
    disk = await makeDisk('qcow2', 'layers', 'image');
    await writeBlocks(disk, 0, 4, 1);
    // Made while it was disk.0 of a VM.
    await symlink('.', layer('disk.0.snap'));
    await program('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'disk.0.snap/0', '-F', 'qcow2', layer(1));
    await unlink(disk.path);
    await symlink(`${disk.name}.snap/1`, disk.path);
    await writeBlocks(disk, 8, 4, 2);
    await createSnapshot(disk, 1, context());
    await writeBlocks(disk, 0, 1, 3);
    await deleteSnapshot(disk, 0, context());
    expect(await content(disk.path, blocks([0, 4, 1], [8, 4, 2], [0, 1, 3]))).toEqual([]);
    expect(await backingOf(2)).toBe(`${disk.name}.snap/1`);
  });

  it('serve disks of the stock driver, whose names are bare numbers without self link', async () => {
    disk = await makeDisk('qcow2', 'layers');
    await rm(layer('disk.0.snap'));
    await writeBlocks(disk, 0, 4, 1);
    for (const [name, backing] of [
      ['1', '0'],
      ['2', '1'],
    ] as const) {
      await program('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', backing, '-F', 'qcow2', layer(name));
    }
    await unlink(disk.path);
    await symlink('disk.0.snap/2', disk.path);
    await writeBlocks(disk, 8, 1, 9);
    await createSnapshot(disk, 2, context());
    await deleteSnapshot(disk, 1, context());
    expect(await backingOf(2)).toBe('disk.0.snap/0');
    await revertSnapshot(disk, 0, context());
    expect(await content(disk.path, blocks([0, 4, 1]))).toEqual([]);
    expect(await snapshot(2, blocks([0, 4, 1], [8, 1, 9]))).toEqual([]);
  });

  it('shrink back to the size the snapshot has', async () => {
    disk = await makeDisk('qcow2', 'layers');
    await createSnapshot(disk, 0, context());
    await program('qemu-img', 'resize', '-q', '-f', 'qcow2', layer(1), String(2 * BLOCKS * BLOCK));
    await createSnapshot(disk, 1, context());
    expect((await readHeader(layer(2))).virtualSize).toBe(2 * BLOCKS * BLOCK);
    await revertSnapshot(disk, 0, context());
    expect((await readHeader(layer(2))).virtualSize).toBe(BLOCKS * BLOCK);
  });

  it('find a snapshot whose number is not its layer’s by a .current file', async () => {
    disk = await makeDisk('qcow2', 'layers');
    await writeBlocks(disk, 0, 1, 1);
    // Numbers 0 to 4 were given to attempts that failed.
    await createSnapshot(disk, 5, context());
    await writeBlocks(disk, 0, 1, 2);
    expect(await readlink(disk.path)).toBe('disk.0.snap/6');
    expect(await readFile(layer('5.current'), 'utf8')).toBe(`${layer(0)}\n`);
    expect(await snapshotFile(disk, 5)).toBe(layer(0));
    await expect(snapshotFile(disk, 0)).rejects.toMatchObject({ reason: 'not_found' });
    await createSnapshot(disk, 6, context());
    await deleteSnapshot(disk, 5, context());
    expect((await readdir(`${disk.path}.snap`)).sort()).toEqual(['6', '7', 'disk.0.snap']);
    expect(await snapshot(6, blocks([0, 1, 2]))).toEqual([]);
  });

  it('honour the .current file that a live delete left', async () => {
    disk = await makeDisk('qcow2', 'layers');
    await writeBlocks(disk, 0, 1, 1);
    await createSnapshot(disk, 0, context());
    await writeBlocks(disk, 0, 1, 2);
    await createSnapshot(disk, 1, context());
    // Snapshot 0 went while the VM ran: layer 1 was committed into layer 0.
    await program('qemu-img', 'commit', '-q', '-f', 'qcow2', '-b', layer(0), layer(1));
    await program('qemu-img', 'rebase', '-q', '-u', '-f', 'qcow2', '-b', 'disk.0.snap/0', '-F', 'qcow2', layer(2));
    await rm(layer(1));
    await writeFile(layer('1.current'), `${layer(0)}\n`);
    expect(await snapshot(1, blocks([0, 1, 2]))).toEqual([]);
    const again = context();
    await deleteSnapshot(disk, 0, again);
    expect(again.lines).toEqual([`warn: ${disk.path} has no snapshot 0`]);
    expect(await snapshot(1, blocks([0, 1, 2]))).toEqual([]);
    await deleteSnapshot(disk, 1, context());
    expect(await content(disk.path, blocks([0, 1, 2]))).toEqual([]);
    expect((await readdir(`${disk.path}.snap`)).sort()).toEqual(['2', 'disk.0.snap']);
  });

  it('replace the empty overlay of an attempt that failed, under its number or the next (contract 9.19)', async () => {
    for (const id of [0, 1]) {
      disk = await makeDisk('qcow2', 'layers');
      await writeBlocks(disk, 0, 1, 1);
      await program('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'disk.0.snap/0', '-F', 'qcow2', layer(1));
      await createSnapshot(disk, id, context());
      await writeBlocks(disk, 0, 1, 2);
      expect(await readlink(disk.path)).toBe(`disk.0.snap/${id + 1}`);
      expect(await readdir(`${disk.path}.snap`)).not.toContain(id === 0 ? '2' : '1');
      expect([await snapshot(id, blocks([0, 1, 1])), await content(disk.path, blocks([0, 1, 2]))]).toEqual([[], []]);
      if (id === 0) await disk.remove();
    }
  });

  it('never lose an overlay that holds data, and never overwrite what others lie on', async () => {
    disk = await makeDisk('qcow2', 'layers');
    await createSnapshot(disk, 0, context());
    await program('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'disk.0.snap/1', '-F', 'qcow2', layer(2));
    await program('qemu-io', '-f', 'qcow2', '-c', 'write -P 7 0 4k', layer(2));
    const before = await tree(disk.directory);
    await expect(createSnapshot(disk, 1, context())).rejects.toMatchObject({
      reason: 'conflict',
      message: expect.stringContaining('live snapshot'),
    });
    expect(await tree(disk.directory)).toEqual(before);
    const lines = context();
    await revertSnapshot(disk, 0, lines);
    expect(lines.lines[0]).toContain('both stay');
    expect(await readlink(disk.path)).toBe('disk.0.snap/3');
    expect(differences(await readContent(layer(2), 'qcow2'), blocks([0, 1, 7]))).toEqual([]);
  });

  it('refuse to make a snapshot again once the disk has been written to', async () => {
    disk = await makeDisk('qcow2', 'layers');
    await createSnapshot(disk, 0, context());
    await createSnapshot(disk, 0, context());
    expect(await readlink(disk.path)).toBe('disk.0.snap/1');
    await writeBlocks(disk, 0, 1, 1);
    await expect(createSnapshot(disk, 0, context())).rejects.toMatchObject({ reason: 'already_exists' });
  });

  it('change nothing when the chain is broken', async () => {
    disk = await makeDisk('qcow2', 'layers');
    for (const id of [0, 1, 2]) await createSnapshot(disk, id, context());
    await rm(layer(1));
    const before = await tree(disk.directory);
    for (const work of [createSnapshot, revertSnapshot, deleteSnapshot, flattenSnapshot]) {
      await expect(work(disk, work === createSnapshot ? 3 : 2, context()), work.name).rejects.toMatchObject({ reason: 'broken_chain' });
    }
    expect(await tree(disk.directory)).toEqual(before);
  });

  it('say which snapshot is missing, and keep the active layer', async () => {
    disk = await makeDisk('qcow2', 'layers');
    await expect(revertSnapshot(disk, 3, context())).rejects.toMatchObject({
      reason: 'not_found',
      message: `${disk.path} has no snapshot 3`,
    });
    await expect(flattenSnapshot(disk, 0, context())).rejects.toMatchObject({ reason: 'not_found' });
    await expect(deleteSnapshot(disk, 0, context())).rejects.toMatchObject({ reason: 'not_found' });
    await deleteSnapshot(disk, 3, context());
    expect(await readdir(`${disk.path}.snap`)).toContain('0');
  });

  it('refuse a link that leads out of .snap', async () => {
    disk = await makeDisk('qcow2', 'layers');
    await unlink(disk.path);
    await symlink('../../../elsewhere', disk.path);
    await expect(createSnapshot(disk, 0, context())).rejects.toMatchObject({ reason: 'conflict' });
  });

  it('serve an image on shared storage whose file is layer 0', async () => {
    disk = await makeDisk('qcow2', 'plain', 'image');
    await mkdir(`${disk.path}.snap`);
    await writeBlocks(disk, 0, 4, 1);
    await symlink(disk.path, layer(0));
    await symlink('.', layer(`${disk.name}.snap`));
    for (const n of [1, 2]) {
      await program('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', layer(n - 1), '-F', 'qcow2', layer(n));
      await program('qemu-io', '-f', 'qcow2', '-c', `write -P ${n + 1} ${n * BLOCK} ${BLOCK}`, layer(n));
    }
    await revertSnapshot(disk, 1, context());
    expect(differences(await readContent(layer(2), 'qcow2'), blocks([0, 4, 1], [1, 1, 2]))).toEqual([]);
    await expect(deleteSnapshot(disk, 0, context())).rejects.toMatchObject({ reason: 'conflict' });
    await deleteSnapshot(disk, 1, context());
    expect(differences(await readContent(layer(2), 'qcow2'), blocks([0, 4, 1], [1, 1, 2]))).toEqual([]);
    await expect(createSnapshot(disk, 2, context())).rejects.toMatchObject({ reason: 'unsupported' });
  });
});
