import { lstat, readdir, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { discardStages, identify, sameFile } from './snapshots-files.ts';
import { flushDirectory } from './stage.ts';

/**
 * Takes back what an operation on a disk or image left before its commit: temporary names, the second name a plain file got in .snap, and a
 * .snap that holds nothing. Idempotent; a disk that is gone is fine.
 */
export async function undoSnapshotWork(disk: { readonly path: string; readonly directory: string }, operationId: string): Promise<void> {
  await discardStages(disk, operationId);
  const snapshots = `${disk.path}.snap`;
  const first = path.join(snapshots, '0');
  // lstat: a link to layer 0 is another file than layer 0.
  if (sameFile(await identify(disk.path), await identify(first))) {
    await rm(first, { force: true });
    await flushDirectory(snapshots);
  }
  await removeIfUnused(disk.path, snapshots);
}

async function removeIfUnused(disk: string, snapshots: string): Promise<void> {
  const [file, directory] = await Promise.all([disk, snapshots].map((name) => lstat(name).catch(() => undefined)));
  if (file?.isFile() !== true || directory?.isDirectory() !== true) return;
  const selfLink = path.basename(snapshots);
  if ((await readdir(snapshots)).some((name) => name !== selfLink)) return;
  await rm(path.join(snapshots, selfLink), { force: true });
  await rmdir(snapshots);
  await flushDirectory(path.dirname(disk));
}
