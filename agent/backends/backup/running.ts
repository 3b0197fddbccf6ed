import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import { failpoint } from '../../../runtime/failpoint.ts';
import type { OperationContext, UndoContext } from '../../../runtime/operations/types.ts';
import { bytes } from '../../../runtime/units.ts';
import { type Domain, isLaunched, isStoppedByError, resume } from '../../tools/virsh.ts';
import {
  abortBackup,
  type BackupTarget,
  backupProgress,
  backupUnderWay,
  beginBackup,
  changedSince,
  deleteCheckpoint,
  lastBackup,
  limitBackup,
} from '../../tools/virsh-backup.ts';
import { findLiveDisk, matchChain } from '../live/disk.ts';
import { begin, ownSignal } from '../live/jobs.ts';
import { whileQuiet } from '../live/quiet.ts';
import { findCheckpoint, removeCheckpoints, type Tracked } from './checkpoints.ts';
import { forgetLostCopies, mayBeOfLostCopy } from './lost-copies.ts';
import { patiently } from './patience.ts';
import { fileOf, makeFile } from './staging.ts';
import { allocated, checkpointName, type LiveBackupWork, lostChain, parentOf, tables, trackedFile } from './work.ts';

/** What libvirt has open of one disk, found once: what is staged is of these. */
interface PlannedDisk {
  readonly id: number;
  readonly target: string;
  readonly sizeBytes: number;
  /** Its active layer, whose bitmap tells what changes; absent: it has none. */
  readonly tracked?: string | undefined;
  readonly allocatedBytes: number;
}

interface Plan {
  readonly disks: readonly PlannedDisk[];
  /** Targets that are not backed up. */
  readonly others: readonly string[];
  /** Where the increment begins; null: everything is copied. */
  readonly since: string | null;
  readonly needsBytes: number;
}

const LOOK_EVERY_MS = 300;
/** A copy that is just ending may fail a write once more; an error of the guest's own disk comes again each time. */
const RESUMES = 3;
/** A copy that has copied everything ends at once, or its end was missed. */
const UNENDED_MS = 20_000;

/** Space that the files will take. Starts nothing. */
export async function planRunning(work: LiveBackupWork, context: OperationContext): Promise<Plan> {
  const disks: PlannedDisk[] = [];
  let targets: readonly string[] = [];
  for (const disk of work.disks) {
    const live = await findLiveDisk(work.domain, disk, context);
    const layers = await matchChain(disk, live);
    const [active] = layers;
    if (active === undefined) throw new StorageError('broken_chain', `${disk.path} has no layer`);
    targets = [live.target, ...live.others];
    const tracked = work.tracking === 'none' ? undefined : await trackedFile(disk, active.path, context.log);
    disks.push({ id: disk.id, target: live.target, sizeBytes: active.virtualSize, tracked, allocatedBytes: await allocated(layers) });
  }
  const others = targets.filter((target) => !disks.some((disk) => disk.target === target));
  const since = await parentFor(work, disks, others, context);
  const changed = since === undefined ? new Map<string, number>() : await changedSince(work.domain, since, context);
  const needs = disks.map((disk) => (disk.tracked === undefined ? undefined : changed.get(disk.target)) ?? disk.allocatedBytes);
  const needsBytes = disks.reduce((sum, disk, index) => sum + (needs[index] ?? 0) + tables(disk.sizeBytes), 0);
  return { disks, others, since: since ?? null, needsBytes };
}

async function parentFor(
  work: LiveBackupWork,
  disks: readonly PlannedDisk[],
  others: readonly string[],
  context: OperationContext,
): Promise<string | undefined> {
  const parent = parentOf(work);
  const tracked = trackedOf(disks);
  if (parent === undefined || tracked.length === 0) return undefined;
  const why = await findCheckpoint(work.domain, parent, tracked, [...others, ...untracked(disks)], context);
  if (why !== undefined) context.log('warn', lostChain(why));
  return why === undefined ? parent : undefined;
}

const trackedOf = (disks: readonly PlannedDisk[]): Tracked[] =>
  disks.flatMap(({ target, tracked }) => (tracked === undefined ? [] : [{ target, file: tracked }]));
const untracked = (disks: readonly PlannedDisk[]): string[] => disks.filter((one) => one.tracked === undefined).map(({ target }) => target);

/**
 * Copies all disks of a running guest as they are at one moment, the same for all; libvirt does it beside the guest, which is held for that
 * moment at most. From it on new bitmaps tell what changes; those of the increment before stay until OpenNebula says that this one is stored.
 */
export async function copyRunning(work: LiveBackupWork, plan: Plan, context: OperationContext): Promise<void> {
  const { domain, staging, increment, vmId } = work;
  await context.step('make files', async () => {
    for (const { id, sizeBytes, tracked } of plan.disks) {
      const complete = increment > 0 && (tracked === undefined || plan.since === null);
      await makeFile(fileOf(staging, id, increment), bytes(sizeBytes), complete, context);
    }
  });
  const tracked = trackedOf(plan.disks);
  const left = [...plan.others, ...plan.disks.map(({ target }) => target).filter((one) => !tracked.some(({ target }) => target === one))];
  await context.step('begin', async () => {
    // The answer to the begin may have been lost with the agent: what runs is of a moment at which the guest was held.
    if (await isOurs(work, context)) return;
    if (work.tracking === 'bitmap') await removeCheckpoints(domain, vmId, plan.since ?? undefined, tracked, left, context);
    const targets = plan.disks.map(({ id, target, tracked: file }): BackupTarget => {
      const since = file === undefined || plan.since === null ? undefined : plan.since;
      return { target, file: fileOf(staging, id, increment), since };
    });
    const checkpoint = { name: checkpointName(vmId, increment), targets: tracked.map(({ target }) => target) };
    const order = { targets, others: plan.others };
    const point = tracked.length > 0 ? { checkpoint, others: left } : undefined;
    const start = () =>
      begin(() => whileQuiet(domain, work.quiet, context, (signal) => beginBackup(domain, order, point, { signal })), context);
    await start().catch(async (thrown: unknown) => {
      if (!mayBeOfLostCopy(thrown) || !(await patiently(() => forgetLostCopies(domain, staging, context), context))) throw thrown;
      await start();
    });
    if (work.bytesPerSecond === 0) return;
    // At once: none of them is held back before.
    await Promise.all(targets.map(({ target }) => limitBackup(domain, target, work.bytesPerSecond, context)));
  });
  await failpoint('backup.begun', context.signal);
  await context.step('copy', () => follow(work, context));
}

async function isOurs({ domain, staging }: LiveBackupWork, context: { readonly signal: AbortSignal }): Promise<boolean> {
  const files = await backupUnderWay(domain, context);
  return files?.some((file) => path.dirname(file) === staging.stage) ?? false;
}

async function follow(work: LiveBackupWork, context: OperationContext): Promise<void> {
  const { domain } = work;
  let last = { doneBytes: -1, since: 0 };
  for (;;) {
    const progress = await patiently(() => backupProgress(domain, context), context);
    if (progress === undefined) break;
    context.report({ step: 'copy', ...progress });
    const { doneBytes, totalBytes } = progress;
    if (doneBytes !== last.doneBytes || doneBytes < totalBytes) last = { doneBytes, since: performance.now() };
    else if (performance.now() - last.since > UNENDED_MS) throw isUnknown(domain, 'does not end');
    await delay(LOOK_EVERY_MS, undefined, { signal: context.signal }).catch(() => context.signal.throwIfAborted());
  }
  const ended = await patiently(() => lastBackup(domain, context), context);
  if (ended === 'Completed') return;
  if (ended === undefined && (await patiently(() => isThere(domain, context), context))) throw isUnknown(domain, 'knows nothing of');
  const why = ended === undefined ? 'the guest ended meanwhile' : 'a full disk, or an error of the disk; the log of libvirt says which';
  throw new StorageError('tool_failed', `the backup of domain ${domain.name} ended before it was done: ${why}`);
}

/** A copy that ends while libvirtd is down, or just before, is forgotten by the one that is started after it, or under way for ever (libvirt 9.0). */
function isUnknown({ name }: Domain, what: string): StorageError {
  const text = `libvirt ${what} the backup of domain ${name}: it was started again meanwhile, and cannot tell how the copy ended`;
  return new StorageError('interrupted', text);
}

async function isThere(domain: Domain, context: OperationContext): Promise<boolean> {
  return await isLaunched(domain, context).catch((thrown: unknown) => {
    if (asStorageError(thrown).reason === 'not_found') return false;
    throw thrown;
  });
}

/**
 * What a guest overwrites is copied first. When that fails, because the disk of the backup is full, qemu 7.2 fails the guest's write, and stops
 * the guest as if its own disk were full. Once the copy has ended, nothing stands in the way of the write.
 */
async function goOn(domain: Domain, context: Pick<OperationContext, 'signal' | 'log'>): Promise<void> {
  for (let tries = 0; tries < RESUMES && (await isStoppedByError(domain, context)); tries += 1) {
    context.log('warn', `domain ${domain.name} was stopped by an error of the backup's disk, or of its own: it goes on`);
    await resume(domain, context);
    await delay(LOOK_EVERY_MS);
  }
}

/** Ends the copy and removes the checkpoint of this attempt; the one before stays. A guest that is gone is fine. */
export async function undoRunning(work: LiveBackupWork, context: UndoContext): Promise<void> {
  const own = { ...ownSignal(), log: context.log };
  try {
    await patiently(async () => {
      if (await isOurs(work, own)) await abortBackup(work.domain, own);
      // The guest first; what libvirt no longer knows is looked for last, and also when an attempt before a crash has aborted the copy.
      await goOn(work.domain, own);
      if (work.tracking === 'bitmap') await deleteCheckpoint(work.domain, checkpointName(work.vmId, work.increment), own);
      await forgetLostCopies(work.domain, work.staging, own);
    }, own);
  } catch (thrown) {
    const error = asStorageError(thrown);
    if (error.reason !== 'not_found' && error.reason !== 'conflict') throw error;
  }
}
