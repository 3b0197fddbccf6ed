import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { copyImage } from '../../../../agent/backends/file/copy-image.ts';
import type { Located } from '../../../../agent/backends/file/places.ts';
import { createSnapshot } from '../../../../agent/backends/file/snapshots-create.ts';
import { testContext } from '../../../helpers/context.ts';
import {
  BLOCK,
  BLOCKS,
  differences,
  type Format,
  makeDisk,
  program,
  readContent,
  type TestDisk,
  tree,
  writeBlocks,
} from '../../../helpers/disks.ts';

let disk: TestDisk;
afterEach(() => disk.remove());

const source = (): Located => ({ datastoreId: 1, root: disk.root, path: disk.path, directory: disk.directory, name: disk.name });
const target = (): Located => ({ ...source(), path: path.join(disk.root, 'new'), name: 'new' });
const options = { sourceFormat: undefined, convertTo: undefined, preallocate: false } as const;
const model = new Uint8Array(BLOCKS).fill(5, 3, 9);

async function image(format: Format, how: 'plain' | 'layers'): Promise<void> {
  disk = await makeDisk(format, how, 'image');
  await writeBlocks(disk, 3, 6, 5);
}

it.each([
  ['raw', undefined, 'raw'],
  ['raw', 'qcow2', 'qcow2'],
  ['qcow2', undefined, 'qcow2'],
  ['qcow2', 'raw', 'raw'],
] as const)('copies %s, converted to %s, as %s', async (format, convertTo, expected) => {
  await image(format, 'plain');
  const context = testContext();
  const result = await copyImage(source(), target(), { ...options, convertTo }, context);
  expect(result).toEqual({ format: expected, sizeBytes: BLOCKS * BLOCK });
  expect(differences(await readContent(target().path, expected), model)).toEqual([]);
  expect(context.figures.movedBytes).toBeGreaterThan(6 * BLOCK);
  expect(context.figures.verifiedBytes).toBe(context.figures.movedBytes);
  expect((await stat(target().path)).blocks * 512).toBeLessThan(BLOCKS * BLOCK + 256 * 1024);
});

it('copies what an image with snapshots shows now, as one file', async () => {
  await image('qcow2', 'layers');
  await createSnapshot(disk, 0, testContext({ operationId: 'snapshot' }));
  await writeBlocks(disk, 20, 2, 6);
  await copyImage(source(), target(), options, testContext());
  expect(differences(await readContent(target().path, 'qcow2'), model.slice().fill(6, 20, 22))).toEqual([]);
  expect(await program('qemu-img', 'info', '-f', 'qcow2', target().path)).not.toContain('backing file');
});

it.each([['raw'], ['qcow2']] as const)('allocates every block of a %s copy when asked', async (format) => {
  await image(format, 'plain');
  await copyImage(source(), target(), { ...options, preallocate: true }, testContext());
  expect((await stat(target().path)).blocks * 512).toBeGreaterThanOrEqual(BLOCKS * BLOCK);
  expect(differences(await readContent(target().path, format), model)).toEqual([]);
});

it('does not follow a backing name that a guest wrote into its raw disk', async () => {
  await image('raw', 'plain');
  const secret = path.join(disk.root, 'another');
  await program('qemu-img', 'create', '-q', '-f', 'qcow2', secret, '1M');
  await program('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', secret, '-F', 'qcow2', disk.path);
  await expect(copyImage(source(), target(), options, testContext())).rejects.toMatchObject({ reason: 'bad_image' });
  // Said to be raw, its bytes are bytes.
  await copyImage(source(), target(), { ...options, sourceFormat: 'raw' }, testContext({ operationId: 'op-2' }));
  expect(await readFile(target().path)).toEqual(await readFile(disk.path));
});

it('copies a raw image whose size is no multiple of a sector', async () => {
  await image('raw', 'plain');
  await writeFile(disk.path, Buffer.alloc(1000, 7));
  expect(await copyImage(source(), target(), options, testContext())).toEqual({ format: 'raw', sizeBytes: 1024 });
  expect((await stat(target().path)).size).toBe(1000);
});

it('never replaces an image, and needs the source', async () => {
  await image('raw', 'plain');
  await writeFile(target().path, 'mine');
  await expect(copyImage(source(), target(), options, testContext())).rejects.toMatchObject({ reason: 'already_exists' });
  expect(await readFile(target().path, 'utf8')).toBe('mine');
  await rm(disk.path);
  await rm(target().path);
  await expect(copyImage(source(), target(), options, testContext())).rejects.toMatchObject({ reason: 'not_found' });
  await mkdir(disk.path);
  await expect(copyImage(source(), target(), options, testContext())).rejects.toMatchObject({ reason: 'conflict' });
  expect((await tree(disk.root)).filter((name) => name.includes('.onestorage.'))).toEqual([]);
});
