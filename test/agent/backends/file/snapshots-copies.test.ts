import { copyFile, lstat, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { flattenSnapshot } from '../../../../agent/backends/file/flatten.ts';
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
  writeBlocks,
} from '../../../helpers/disks.ts';

let disk: TestDisk;
afterEach(() => disk.remove());

let operations = 0;
const context = () => testContext({ operationId: `op-${operations++}` });
const layer = (name: string | number): string => path.join(`${disk.path}.snap`, String(name));
const blocks = (...runs: [first: number, count: number, value: number][]): Model => {
  const model = new Uint8Array(BLOCKS);
  for (const [first, count, value] of runs) model.fill(value, first, first + count);
  return model;
};
const content = async (file: string, model: Model): Promise<string[]> => differences(await readContent(file, disk.format), model);
const snapshot = async (id: number, model: Model): Promise<string[]> => await content(await snapshotFile(disk, id), model);

describe('copies', () => {
  it('stay copies on a qcow2 disk that has some, as the stock ssh driver makes them', async () => {
    disk = await makeDisk('qcow2', 'plain');
    await writeBlocks(disk, 0, 1, 1);
    await mkdir(`${disk.path}.snap`);
    await copyFile(disk.path, layer(0));
    await writeBlocks(disk, 0, 1, 2);
    await createSnapshot(disk, 1, context());
    await writeBlocks(disk, 0, 1, 3);
    expect((await lstat(disk.path)).isFile()).toBe(true);
    await revertSnapshot(disk, 0, context());
    expect(await content(disk.path, blocks([0, 1, 1]))).toEqual([]);
    await deleteSnapshot(disk, 0, context());
    await flattenSnapshot(disk, 1, context());
    expect(await content(disk.path, blocks([0, 1, 2]))).toEqual([]);
    expect(await readdir(disk.directory)).toEqual(['disk.0']);
  });

  it('never replace data that is there already, but an empty file', async () => {
    disk = await makeDisk('raw', 'plain');
    await writeBlocks(disk, 0, 1, 1);
    await mkdir(`${disk.path}.snap`);
    await writeFile(layer(0), '');
    await createSnapshot(disk, 0, context());
    await createSnapshot(disk, 0, context());
    await writeBlocks(disk, 0, 1, 2);
    await expect(createSnapshot(disk, 0, context())).rejects.toMatchObject({ reason: 'conflict' });
    expect(await snapshot(0, blocks([0, 1, 1]))).toEqual([]);
  });

  it('keep holes, and forget the checksum of an image that changes', async () => {
    disk = await makeDisk('raw', 'plain', 'image');
    await writeBlocks(disk, 0, 1, 1);
    await createSnapshot(disk, 0, context());
    expect((await stat(layer(0))).blocks * 512).toBeLessThan(BLOCKS * BLOCK);
    await writeFile(`${disk.path}.md5sum`, 'x');
    await revertSnapshot(disk, 0, context());
    expect(await readdir(disk.directory)).not.toContain(`${disk.name}.md5sum`);
  });

  it('refuse a raw disk that is a link', async () => {
    disk = await makeDisk('qcow2', 'layers');
    const raw = { ...disk, format: 'raw' } as const;
    await expect(createSnapshot(raw, 0, context())).rejects.toMatchObject({ reason: 'conflict' });
  });

  it('refuse a copy that has a backing file', async () => {
    disk = await makeDisk('qcow2', 'plain');
    await mkdir(`${disk.path}.snap`);
    await program('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', disk.path, '-F', 'qcow2', layer(3));
    await expect(revertSnapshot(disk, 3, context())).rejects.toMatchObject({ reason: 'broken_chain' });
  });
});

it('stops when it is cancelled, and leaves the disk as it was', async () => {
  disk = await makeDisk('raw', 'plain');
  const abort = new AbortController();
  abort.abort();
  await expect(createSnapshot(disk, 0, testContext({ signal: abort.signal }))).rejects.toThrow();
  expect(await readdir(disk.directory)).toEqual(['disk.0']);
});
