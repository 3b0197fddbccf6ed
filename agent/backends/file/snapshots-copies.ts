import path from 'node:path';
import { StorageError } from '../../../runtime/errors.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import { copySparse } from '../../tools/cp.ts';
import { lstatOrNothing } from './look.ts';
import { type FileIdentity, forgetChecksum, identify, prepareDirectory, removeFile, sameFile } from './snapshots-files.ts';
import { type SnapshotDisk, snapshotDirectory, snapshotFile } from './snapshots-layout.ts';
import { isSame, mustBeSame, virtualSize } from './snapshots-verify.ts';
import { discard, publish, stagePath } from './stage.ts';

/** Snapshots that are full copies: raw disks, and qcow2 disks of the stock ssh driver that have such copies already. */

const copyPath = (disk: SnapshotDisk, id: number): string => path.join(snapshotDirectory(disk), String(id));

export async function createCopy(disk: SnapshotDisk, id: number, context: OperationContext): Promise<void> {
  const target = copyPath(disk, id);
  await context.step('prepare', () => prepareDirectory(disk, false));
  const made = await context.step('copy', async () => {
    const copy = await stageCopy(disk.path, target, context);
    await mayReplace(target, context);
    return copy;
  });
  context.commit();
  await context.step('publish', () => publishOnce(target, made, context));
}

export async function revertToCopy(disk: SnapshotDisk, id: number, context: OperationContext): Promise<void> {
  const made = await context.step('copy', async () => await stageCopy(await snapshotFile(disk, id), disk.path, context));
  context.commit();
  await context.step('publish', async () => {
    await forgetChecksum(disk);
    await publishOnce(disk.path, made, context);
  });
}

export async function deleteCopy(disk: SnapshotDisk, id: number, context: OperationContext): Promise<void> {
  context.commit();
  await context.step('remove', () => removeFile(copyPath(disk, id), context.operationId));
}

/** A flushed and compared copy under the target's temporary name. */
async function stageCopy(source: string, target: string, context: OperationContext): Promise<FileIdentity> {
  const stage = stagePath(target, context.operationId);
  await discard(stage);
  const size = await virtualSize(source, 'raw');
  context.report({ step: `copy ${path.basename(source)}`, doneBytes: 0, totalBytes: size });
  await copySparse(source, stage, context);
  context.count({ movedBytes: size });
  // Both are plain bytes here; as raw also what a guest could have written into a qcow2 file stays unread.
  await mustBeSame(source, 'raw', stage, 'raw', context);
  const made = await identify(stage);
  if (made === undefined) throw new StorageError('internal', `${stage} has gone`);
  return made;
}

/** A file of that name that is neither empty nor the same bytes is somebody's data: it stays. */
async function mayReplace(target: string, context: OperationContext): Promise<void> {
  const there = await lstatOrNothing(target);
  if (there === undefined || (there.isFile() && there.size === 0)) return;
  const stage = stagePath(target, context.operationId);
  const same = there.isFile() && (await isSame(target, 'raw', stage, 'raw', context));
  if (!same) throw new StorageError('conflict', `${target} exists and differs from the disk; move it away if no snapshot needs it`);
}

async function publishOnce(target: string, made: FileIdentity, context: OperationContext): Promise<void> {
  if (!sameFile(await identify(target), made)) await publish(stagePath(target, context.operationId), target);
}
