import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSnapshot } from '../../../../agent/backends/file/snapshots-create.ts';
import { deleteSnapshot } from '../../../../agent/backends/file/snapshots-delete.ts';
import type { Progress } from '../../../../runtime/operations/types.ts';
import { testContext } from '../../../helpers/context.ts';
import { copyDisk, makeDisk, program, readContent, type TestDisk } from '../../../helpers/disks.ts';

const MEBIBYTES = 96;

let origin: TestDisk;
let content: Buffer;
beforeAll(async () => {
  origin = await makeDisk('qcow2', 'layers');
  const base = `${origin.path}.snap/0`;
  await program('qemu-img', 'resize', '-q', '-f', 'qcow2', base, `${MEBIBYTES}M`);
  const writes = Array.from({ length: MEBIBYTES }, (_, n) => ['-c', `write -P ${n + 1} ${n}M 1M`]).flat();
  await program('qemu-io', '-f', 'qcow2', ...writes, base);
  await createSnapshot(origin, 0, testContext({ operationId: 'create' }));
  await program('qemu-io', '-f', 'qcow2', '-c', 'write -P 200 10M 5M', `${origin.path}.snap/1`);
  content = await readContent(origin.path, 'qcow2');
});
afterAll(() => origin.remove());

// Where it is stopped decides nothing: the content must be the same at every moment. Near the end is where the header changes.
it.each([0, 0.3, 0.6, 0.9, 0.97, 0.99, 0.999, 1])(
  'keeps the content when a merge is killed after %d of it',
  { timeout: 300_000 },
  async (part) => {
    const disk = await copyDisk(origin);
    try {
      const abort = new AbortController();
      const context = testContext({ signal: abort.signal });
      const report = (progress: Progress): void => {
        if (progress.doneBytes >= part * progress.totalBytes) abort.abort();
      };
      await deleteSnapshot(disk, 0, { ...context, report }).catch(() => undefined);
      expect(abort.signal.aborted).toBe(true);
      expect((await readContent(disk.path, 'qcow2')).equals(content)).toBe(true);
      await deleteSnapshot(disk, 0, testContext({ operationId: 'op-2' }));
      expect((await readContent(disk.path, 'qcow2')).equals(content)).toBe(true);
    } finally {
      await disk.remove();
    }
  },
);
