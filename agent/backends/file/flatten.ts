import { link, rename } from 'node:fs/promises';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import { type FileIdentity, forgetChecksum, identify, sameFile } from './snapshots-files.ts';
import { type SnapshotDisk, snapshotDirectory, snapshotFile } from './snapshots-layout.ts';
import { writeFlat } from './snapshots-verify.ts';
import { discard, flushDirectory, publish, stagePath } from './stage.ts';

/**
 * The image becomes a plain file with the content of snapshot `id`; it has no snapshots any more. Its old content and all other snapshots go
 * last. Errors: not_found, broken_chain, no_space before anything is changed.
 */
export async function flattenSnapshot(disk: SnapshotDisk, id: number, context: OperationContext): Promise<void> {
  const stage = stagePath(disk.path, context.operationId);
  const made = await context.step('content', async (): Promise<FileIdentity> => {
    const source = await snapshotFile(disk, id);
    await discard(stage);
    if (disk.format === 'raw') {
      // A second name for the snapshot's own file: no byte is copied, and after a restart it is known again.
      await link(source, stage).catch((thrown: unknown) => {
        throw asStorageError(thrown);
      });
    } else {
      const to = { path: stage, format: disk.format, preallocate: false };
      await writeFlat({ path: source, format: disk.format }, to, `flatten snapshot ${id}`, context);
    }
    const identity = await identify(stage);
    if (identity === undefined) throw new StorageError('internal', `${stage} has gone`);
    return identity;
  });
  context.commit();
  await context.step('publish', async () => {
    await forgetChecksum(disk);
    if (!sameFile(await identify(disk.path), made)) await publish(stage, disk.path);
    // Renaming one name of a file onto another name of it leaves both.
    await discard(stage);
  });
  await context.step('remove snapshots', async () => {
    const old = stagePath(snapshotDirectory(disk), context.operationId);
    await rename(snapshotDirectory(disk), old).catch((thrown: unknown) => {
      const error = asStorageError(thrown);
      if (error.reason !== 'not_found') throw error;
    });
    await flushDirectory(disk.directory);
    await discard(old);
  });
}
