import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createSnapshot } from '../../../../agent/backends/file/snapshots-create.ts';
import { deleteSnapshot } from '../../../../agent/backends/file/snapshots-delete.ts';
import { revertSnapshot } from '../../../../agent/backends/file/snapshots-revert.ts';
import { testContext } from '../../../helpers/context.ts';
import { makeDisk, type TestDisk, tree, writeBlocks } from '../../../helpers/disks.ts';

const FREE_BLOCKS = 1;

vi.mock('node:fs/promises', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:fs/promises')>();
  return { ...real, statfs: async (file: string) => ({ ...(await real.statfs(file)), bavail: FREE_BLOCKS }) };
});

let disk: TestDisk;
beforeEach(async () => {
  disk = await makeDisk('qcow2', 'layers');
});
afterEach(() => disk.remove());

it('looks at the free space before layers are merged', async () => {
  await writeBlocks(disk, 0, 40, 1);
  await createSnapshot(disk, 0, testContext({ operationId: 'create-0' }));
  await createSnapshot(disk, 1, testContext({ operationId: 'create-1' }));
  await revertSnapshot(disk, 0, testContext({ operationId: 'revert' }));
  const before = await tree(disk.base);
  const context = testContext();
  const message = expect.stringMatching(/needs up to .* are free$/u);
  await expect(deleteSnapshot(disk, 0, context)).rejects.toMatchObject({ reason: 'no_space', message });
  expect([await tree(disk.base), context.figures]).toEqual([before, {}]);
  // A leaf needs none.
  await deleteSnapshot(disk, 1, testContext({ operationId: 'op-2' }));
});
