import { setTimeout as delay } from 'node:timers/promises';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import type { ToolContext } from '../../tools/run.ts';
import { type BlockJob, blockJob, copyTarget, type Domain, endJob } from '../../tools/virsh.ts';

/** libvirt tells about jobs only when it is asked. */
const ASK_EVERY_MS = 200;
/** How often, and how long apart, a job of somebody else is waited for. */
const TRIES = 3;
const PAUSE_MS = 5000;

/** Asks until the job is as wanted or has ended; gives the job, or undefined when there is none any more. */
export async function follow(
  domain: Domain,
  target: string,
  step: string,
  wanted: (job: BlockJob) => boolean,
  context: OperationContext,
): Promise<BlockJob | undefined> {
  for (;;) {
    const job = await blockJob(domain, target, context);
    if (job === undefined) return undefined;
    context.report({ step, doneBytes: job.done, totalBytes: job.total });
    if (wanted(job)) return job;
    await delay(ASK_EVERY_MS, undefined, { signal: context.signal }).catch(() => context.signal.throwIfAborted());
  }
}

export const isReady = (job: BlockJob): boolean => job.total > 0 && job.done === job.total;

/** Begins a job, waiting a little for one that is under way: a disk has one at a time. Errors: busy. */
export async function begin(start: () => Promise<void>, context: OperationContext): Promise<void> {
  for (let number = 1; ; number += 1) {
    try {
      return await start();
    } catch (thrown) {
      const error = asStorageError(thrown);
      if (error.reason !== 'busy' || number >= TRIES) throw error;
      context.log('info', `waits for another job on the disk: ${error.message}`);
      await delay(PAUSE_MS, undefined, { signal: context.signal }).catch(() => context.signal.throwIfAborted());
    }
  }
}

/** Ends a copy into this file that an earlier run of the agent began. A copy into another file is not ours and stays. */
export async function endCopyTo(domain: Domain, target: string, file: string, context: ToolContext): Promise<void> {
  if ((await copyTarget(domain, target, context)) !== file) return;
  await endJob(domain, target, context);
}

/** After the cancel of an operation its signal ends every program at once: what cleans up needs one of its own. */
export const ownSignal = (): ToolContext => ({ signal: new AbortController().signal });

export function lostJob(domain: Domain, target: string, what: string): StorageError {
  return new StorageError(
    'tool_failed',
    `${what} of ${target} of domain ${domain.name} ended before it was done; the log of libvirt says why`,
  );
}
