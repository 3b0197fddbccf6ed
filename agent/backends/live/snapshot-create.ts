import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError } from '../../../runtime/errors.ts';
import type { OperationContext, UndoContext } from '../../../runtime/operations/types.ts';
import { bytes } from '../../../runtime/units.ts';
import { type Domain, switchToOverlay } from '../../tools/virsh.ts';
import { becomeLayers, isLeftover, planLayer, publishLayer } from '../file/snapshots-create.ts';
import { identify, pointTo, prepareDirectory, removeFile, sameFile, stageOverlay } from '../file/snapshots-files.ts';
import { childrenOf, nameOf, readLayout, type SnapshotDisk, snapshotDirectory } from '../file/snapshots-layout.ts';
import { undoSnapshotWork } from '../file/snapshots-undo.ts';
import { publish, stagePath } from '../file/stage.ts';
import { copyLive, undoCopy } from './copy.ts';
import { findLiveDisk, type LiveDisk, matchChain } from './disk.ts';
import { ownSignal } from './jobs.ts';
import { type Quiet, whileQuiet } from './quiet.ts';

/**
 * Snapshot `id` of a disk of a running guest, in the layout of one that is off (contract 2.2, 7.1): a qcow2 disk gets a new active layer, a
 * raw disk, or one with full copies already, a full copy. The guest is held, if asked for, only for the moment of the snapshot.
 */
export async function createLiveSnapshot(
  domain: Domain,
  disk: SnapshotDisk,
  id: number,
  quiet: Quiet,
  context: OperationContext,
): Promise<void> {
  const how = await context.step('layout', async () => {
    await findLiveDisk(domain, disk, context);
    const layout = await readLayout(disk);
    if (layout.kind === 'layers') return 'layers' as const;
    return disk.format === 'raw' || layout.ids.length > 0 ? ('copies' as const) : ('plain' as const);
  });
  if (how === 'copies') return await createLiveCopy(domain, disk, id, quiet, context);
  await context.step('prepare', () => prepareDirectory(disk, true));
  // The guest has the file open and does not mind its names.
  if (how === 'plain') await context.step('become layers', () => becomeLayers(disk, context));
  const plan = await context.step('plan', async () => {
    await matchChain(disk, await findLiveDisk(domain, disk, context));
    return await planLayer(disk, id);
  });
  if (plan.done) return;
  const overlay = path.join(snapshotDirectory(disk), plan.to);
  // Under its name before the guest opens it, because qemu keeps the name. What an earlier attempt left there is replaced (contract 9.19).
  await context.step('overlay', async () => {
    const layer = { name: plan.to, backing: plan.from, size: bytes(plan.size) };
    await publish(await stageOverlay(disk, { linked: true }, layer, context), overlay);
  });
  await context.step('switch', async () => {
    const live = await findLiveDisk(domain, disk, context);
    if (await writesTo(live, overlay)) return;
    await whileQuiet(domain, quiet, context, (signal) => switchToOverlay(domain, live.target, overlay, live.others, { signal }));
  });
  context.commit();
  await context.step('publish', () => publishLayer(disk, id, plan, context));
  await context.step('check', async () => {
    const live = await ifRunning(findLiveDisk(domain, disk, context));
    if (live !== undefined) await matchChain(disk, live);
  });
}

/** undefined: the guest has ended, which takes nothing from what is on disk. */
async function ifRunning(found: Promise<LiveDisk>): Promise<LiveDisk | undefined> {
  return await found.catch((thrown: unknown) => {
    const { reason } = asStorageError(thrown);
    if (reason === 'not_found' || reason === 'conflict') return undefined;
    throw thrown;
  });
}

async function writesTo(live: LiveDisk, overlay: string): Promise<boolean> {
  const top = live.chain[0]?.path ?? '';
  return path.basename(top) === path.basename(overlay) && sameFile(await identify(await realpath(top)), await identify(overlay));
}

async function createLiveCopy(domain: Domain, disk: SnapshotDisk, id: number, quiet: Quiet, context: OperationContext): Promise<void> {
  const target = path.join(snapshotDirectory(disk), String(id));
  const stage = stagePath(target, context.operationId);
  await context.step('prepare', () => prepareDirectory(disk, false));
  const made = await context.step('copy', async () => {
    await copyLive(domain, disk, stage, quiet, context);
    return (await identify(stage)) ?? null;
  });
  context.commit();
  await context.step('publish', async () => {
    // OpenNebula gives each number once: a file that is there was left by an attempt that failed.
    if (!sameFile(await identify(target), made ?? undefined)) await publish(stage, target);
  });
}

/**
 * Takes back what was left before the commit. A guest that writes to the new layer already cannot be turned back: then the disk is pointed at
 * it, and the layer below is an unused snapshot that goes with the next one.
 */
export async function undoLiveSnapshot(domain: Domain, disk: SnapshotDisk, id: number, context: UndoContext): Promise<void> {
  await undoCopy(domain, disk, stagePath(path.join(snapshotDirectory(disk), String(id)), context.operationId));
  const layout = await readLayout(disk).catch(() => undefined);
  if (layout?.kind === 'layers') {
    const live = await ifRunning(findLiveDisk(domain, disk, ownSignal()));
    for (const layer of childrenOf(layout, layout.active)) {
      if (live !== undefined && (await writesTo(live, layer.path))) {
        context.log('warn', `the guest writes to ${layer.path} already: the disk is pointed at it`);
        await pointTo(disk, nameOf(layout, layer), context.operationId);
      } else if (isLeftover(layout, layer)) await removeFile(layer.path, context.operationId);
    }
  }
  await undoSnapshotWork(disk, context.operationId);
}
