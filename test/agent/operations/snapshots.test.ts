import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, readlink, symlink } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { copyImage } from '../../../agent/operations/copy-image.ts';
import { createSnapshot } from '../../../agent/operations/create-snapshot.ts';
import { deleteSnapshot } from '../../../agent/operations/delete-snapshot.ts';
import { describeImage } from '../../../agent/operations/describe-image.ts';
import { flattenImage } from '../../../agent/operations/flatten-image.ts';
import { revertSnapshot } from '../../../agent/operations/revert-snapshot.ts';
import type { OperationKind } from '../../../runtime/operations/types.ts';
import { newJournal, testContext, undoContext } from '../../helpers/context.ts';
import { makeDisk, type TestDisk, writeBlocks } from '../../helpers/disks.ts';

let disk: TestDisk;
beforeEach(async () => {
  disk = await makeDisk('qcow2', 'layers');
});
afterEach(() => disk.remove());

const place = { datastoreId: 0, path: '9/disk.0' };
let operations = 0;

async function perform<Input, Result>(kind: OperationKind<Input, Result>, input: unknown): Promise<Result> {
  // As the journal gives it back.
  return await kind.run(kind.input.parse(JSON.parse(JSON.stringify(input))), testContext({ operationId: `op-${operations++}` }));
}

it('does all that OpenNebula asks of a snapshot', async () => {
  const input = (snapshotId: number) => ({ disk: place, snapshotId, format: 'qcow2' });
  await perform(createSnapshot(disk), input(0));
  await perform(createSnapshot(disk), input(1));
  await perform(revertSnapshot(disk), input(0));
  await perform(deleteSnapshot(disk), input(1));
  expect(await readlink(disk.path)).toBe('disk.0.snap/2');
  await perform(flattenImage(disk), input(0));
  expect(await readdir(disk.directory)).toEqual(['disk.0']);
});

it('locks the disk with its snapshots', () => {
  const wanted = [`path:${disk.path}`, `path:${disk.path}.snap`];
  const input = { disk: place, snapshotId: 0, format: 'raw' } as const;
  for (const kind of [createSnapshot(disk), revertSnapshot(disk), deleteSnapshot(disk), flattenImage(disk)]) {
    expect(kind.resources(input)).toEqual(wanted);
  }
  const other = path.join(disk.datastores, '1', 'new');
  const copy = { source: place, target: { datastoreId: 1, path: 'new' }, preallocate: false };
  expect(copyImage(disk).resources(copy)).toEqual([...wanted, `path:${other}`, `path:${other}.snap`]);
});

it('refuses numbers and places that cannot be', async () => {
  const kind = createSnapshot(disk);
  for (const snapshotId of [-1, 1.5, 2 ** 40]) expect(kind.input.safeParse({ disk: place, snapshotId, format: 'raw' }).success).toBe(false);
  for (const name of ['../0/9/disk.0', '/etc/passwd', '', '9//disk.0']) {
    await expect(perform(kind, { disk: { datastoreId: 0, path: name }, snapshotId: 0, format: 'raw' })).rejects.toMatchObject({
      reason: 'outside_datastore',
    });
  }
  await symlink('9', path.join(disk.root, '10'));
  await expect(perform(kind, { disk: { datastoreId: 0, path: '10/disk.0' }, snapshotId: 0, format: 'raw' })).rejects.toMatchObject({
    reason: 'outside_datastore',
  });
});

it('takes back a copy that was cancelled', async () => {
  await mkdir(path.join(disk.datastores, '1'));
  const kind = copyImage(disk);
  const input = { source: place, target: { datastoreId: 1, path: 'new' }, preallocate: false };
  const journal = newJournal();
  const context = testContext({
    journal,
    afterWork: () => {
      throw new Error('cancelled');
    },
  });
  await expect(kind.run(input, context)).rejects.toThrow('cancelled');
  expect(await readdir(path.join(disk.datastores, '1'))).toEqual(['.onestorage.op-1.new']);
  await kind.undo?.(input, undoContext());
  await kind.undo?.(input, undoContext());
  expect(await readdir(path.join(disk.datastores, '1'))).toEqual([]);
});

it('describes an image for export', async () => {
  await writeBlocks(disk, 0, 9, 3);
  const file = await readFile(disk.path);
  const expected = { format: 'qcow2', sizeBytes: file.length, md5: createHash('md5').update(file).digest('hex') };
  expect(await perform(describeImage(disk), { target: place })).toEqual(expected);
  expect(await perform(describeImage(disk), { target: place, format: 'raw' })).toMatchObject({ format: 'raw', md5: expected.md5 });
  const abort = new AbortController();
  abort.abort();
  await expect(describeImage(disk).run({ target: place }, testContext({ signal: abort.signal }))).rejects.toThrow();
});
