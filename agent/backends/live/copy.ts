import { stat } from 'node:fs/promises';
import { asStorageError } from '../../../runtime/errors.ts';
import { failpoint } from '../../../runtime/failpoint.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import { type Domain, endJob, startCopy } from '../../tools/virsh.ts';
import type { SnapshotDisk } from '../file/snapshots-layout.ts';
import { discard, flush } from '../file/stage.ts';
import { findLiveDisk } from './disk.ts';
import { begin, endCopyTo, follow, isReady, lostJob, ownSignal } from './jobs.ts';
import { type Quiet, whileQuiet } from './quiet.ts';

/**
 * Writes what a disk of a running guest holds at one moment as one file under a temporary name. The guest goes on while the data is copied; it
 * is held only for the moment itself. Begun anew when it was interrupted.
 */
export async function copyLive(domain: Domain, disk: SnapshotDisk, stage: string, quiet: Quiet, context: OperationContext): Promise<void> {
  const { target } = await findLiveDisk(domain, disk, context);
  await endCopyTo(domain, target, stage, context);
  await discard(stage);
  try {
    await begin(() => startCopy(domain, target, stage, disk.format, context), context);
    await failpoint('guest.copy.started', context.signal);
    const job = await follow(domain, target, `copy ${disk.name}`, isReady, context);
    if (job === undefined) throw lostJob(domain, target, 'the copy');
    await whileQuiet(domain, quiet, context, async (signal) => await endJob(domain, target, { signal }));
    // The answer to the end of a job may come before the file is closed.
    await follow(domain, target, `copy ${disk.name}`, () => false, context);
  } catch (thrown) {
    await endCopyTo(domain, target, stage, ownSignal()).catch(() => undefined);
    throw asStorageError(thrown);
  }
  await flush(stage);
  const { size, blocks } = await stat(stage);
  context.count({ movedBytes: blocks * 512, skippedBytes: Math.max(0, size - blocks * 512) });
}

/** Takes back what copyLive left; the stage is removed by who knows its name. A domain that is gone is fine. */
export async function undoCopy(domain: Domain, disk: SnapshotDisk, stage: string): Promise<void> {
  const context = ownSignal();
  try {
    const { target } = await findLiveDisk(domain, disk, context);
    await endCopyTo(domain, target, stage, context);
  } catch (thrown) {
    const error = asStorageError(thrown);
    if (error.reason !== 'not_found' && error.reason !== 'conflict') throw error;
  }
}
