import { StorageError } from '../../../runtime/errors.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import { bytes } from '../../../runtime/units.ts';
import { changeBitmap, convert, create, rebase } from '../../tools/qemu-img.ts';
import { copyOnRead, type Range } from '../../tools/qemu-io.ts';
import { dirtyRanges } from '../../tools/qemu-nbd.ts';
import { type ToolContext, toolContext, type Wrapper } from '../../tools/run.ts';
import { readBitmaps } from '../file/bitmaps.ts';
import { readChain } from '../file/chain.ts';
import { fileOf, makeFile } from './staging.ts';
import {
  allocated,
  type BackupDisk,
  type BackupWork,
  checkpointName,
  isCheckpoint,
  lostChain,
  parentOf,
  tables,
  trackedFile,
} from './work.ts';

interface PlannedDisk {
  readonly id: number;
  /** Its active layer. */
  readonly file: string;
  readonly format: BackupDisk['format'];
  readonly sizeBytes: number;
  /** Can a bitmap tell what changes? */
  readonly tracked: boolean;
  /** The bitmap that tells what changed; null: everything is copied. */
  readonly since: string | null;
  readonly needsBytes: number;
}

export interface OffPlan {
  readonly disks: readonly PlannedDisk[];
  readonly needsBytes: number;
}

/** What is to be copied of disks that nobody writes to. */
export async function planOff(work: BackupWork, context: OperationContext): Promise<OffPlan> {
  const disks: PlannedDisk[] = [];
  for (const disk of work.disks) disks.push(await planDisk(work, disk, context));
  return { disks, needsBytes: disks.reduce((sum, disk) => sum + disk.needsBytes + tables(disk.sizeBytes), 0) };
}

async function planDisk(work: BackupWork, disk: BackupDisk, context: OperationContext): Promise<PlannedDisk> {
  const layers = await readChain(disk.path, disk.format, disk.root);
  const [active] = layers;
  if (active === undefined) throw new StorageError('broken_chain', `${disk.path} has no layer`);
  const tracked = work.tracking === 'none' ? undefined : await trackedFile(disk, active.path, context.log);
  const planned = { id: disk.id, file: active.path, format: disk.format, sizeBytes: active.virtualSize, tracked: tracked !== undefined };
  const everything = { ...planned, since: null, needsBytes: await allocated(layers) };
  const parent = parentOf(work);
  if (parent === undefined || tracked === undefined) return everything;
  const bitmap = (await readBitmaps(active.path)).find(({ name }) => name === parent);
  if (bitmap === undefined || bitmap.inUse) {
    const why = bitmap === undefined ? 'has no bitmap' : 'was not closed, so no use is to be made of its bitmap';
    context.log('warn', lostChain(`${disk.name} ${why} ${parent}`));
    return everything;
  }
  const changed = await dirtyRanges(active.path, parent, context);
  return { ...planned, since: parent, needsBytes: totalOf(changed) };
}

const totalOf = (ranges: readonly Range[]): number => ranges.reduce((sum, { length }) => sum + length, 0);

/**
 * Copies the disks of a VM that is off; `before` keeps the programs within limits. The new bitmaps are there before the copy begins: what is
 * written from then on is in the next increment.
 */
export async function copyOff(work: BackupWork, plan: OffPlan, before: readonly Wrapper[], context: OperationContext): Promise<void> {
  const tools = { ...toolContext(context), before };
  if (work.tracking === 'bitmap') await context.step('bitmaps', () => changeBitmaps(work, plan, tools));
  for (const disk of plan.disks) {
    const step = `copy disk ${disk.id}`;
    const report = (doneBytes: number, totalBytes: number): void => context.report({ step, doneBytes, totalBytes });
    await context.step(step, () => copyDisk(work, disk, report, tools));
  }
}

async function changeBitmaps(work: BackupWork, { disks }: OffPlan, tools: ToolContext): Promise<void> {
  const name = checkpointName(work.vmId, work.increment);
  for (const { file, tracked, since } of disks) {
    if (!tracked) continue;
    // The one that the increment begins at stays until OpenNebula says that the increment is stored.
    const old = (await readBitmaps(file)).filter((one) => isCheckpoint(work.vmId, one.name) && one.name !== since);
    for (const one of old) await changeBitmap(file, 'remove', one.name, tools);
    await changeBitmap(file, 'add', name, tools);
  }
}

async function copyDisk(
  work: BackupWork,
  disk: PlannedDisk,
  report: (doneBytes: number, totalBytes: number) => void,
  tools: ToolContext & { readonly before: readonly Wrapper[] },
): Promise<void> {
  const { staging, increment, bytesPerSecond } = work;
  const { id, file, format, sizeBytes, since } = disk;
  const target = fileOf(staging, id, increment);
  if (since === null) {
    await makeFile(target, bytes(sizeBytes), increment > 0, tools);
    const onProgress = (done: number): void => report(Math.round(done * sizeBytes), sizeBytes);
    // Limits that were asked for say the priority, too.
    const nice = tools.before.length === 0;
    await convert(file, format, target, 'qcow2', { zeroed: true, bytesPerSecond, nice, onProgress }, tools);
    return;
  }
  await create(target, 'qcow2', bytes(sizeBytes), { backing: { name: file, format: 'qcow2' } }, tools);
  const changed = await dirtyRanges(file, since, tools);
  const totalBytes = totalOf(changed);
  const onProgress = (doneBytes: number): void => report(doneBytes, totalBytes);
  await copyOnRead(target, changed, { bytesPerSecond, onProgress }, tools);
  // A reader gives it the increment before as its backing file (contract 7.3, 8).
  await rebase(target, 'qcow2', undefined, { unsafe: true }, tools);
}

/** Removes the bitmaps of this attempt; the ones before stay. */
export async function undoOff(work: BackupWork, signal: AbortSignal): Promise<void> {
  if (work.tracking !== 'bitmap') return;
  const name = checkpointName(work.vmId, work.increment);
  for (const disk of work.disks.filter(({ format }) => format === 'qcow2')) {
    const [active] = await readChain(disk.path, disk.format, disk.root).catch(() => []);
    if (active === undefined) continue;
    if ((await readBitmaps(active.path)).some((one) => one.name === name)) await changeBitmap(active.path, 'remove', name, { signal });
  }
}
