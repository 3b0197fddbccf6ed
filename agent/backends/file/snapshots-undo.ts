import { rm } from 'node:fs/promises';
import path from 'node:path';
import { discardStages, identify, sameFile } from './snapshots-files.ts';
import { flushDirectory } from './stage.ts';

/**
 * Takes back what an operation on a disk or image left before its commit: temporary names, and the second name a plain file got in .snap.
 * Idempotent; a disk that is gone is fine.
 */
export async function undoSnapshotWork(disk: { readonly path: string; readonly directory: string }, operationId: string): Promise<void> {
  await discardStages(disk, operationId);
  const first = path.join(`${disk.path}.snap`, '0');
  // lstat: a link to layer 0 is another file than layer 0.
  if (!sameFile(await identify(disk.path), await identify(first))) return;
  await rm(first, { force: true });
  await flushDirectory(path.dirname(first));
}
