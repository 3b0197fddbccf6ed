import path from 'node:path';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import { failpoint } from '../../../runtime/failpoint.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import { blockJob, type Domain, endJob, startCommit, startPull } from '../../tools/virsh.ts';
import { belowName, type DeletePlan, deleteSnapshot, mustBeUnused, mustHaveSpace, rebaseChild } from '../file/snapshots-delete.ts';
import { pointerPath, prepareDirectory, removeFile, writePointer } from '../file/snapshots-files.ts';
import {
  childrenOf,
  type Layers,
  layerName,
  layerOfSnapshot,
  nameOf,
  readLayout,
  type SnapshotDisk,
  snapshotDirectory,
} from '../file/snapshots-layout.ts';
import { findLiveDisk, isKnownByLink, matchChain } from './disk.ts';
import { begin, follow, lostJob, ownSignal } from './jobs.ts';

interface LivePlan {
  /** pull: the active layer takes over the snapshot's data. commit: the snapshot's layer takes over that of the layer right above it. */
  readonly way: 'pull' | 'commit';
  /** The layer that holds the snapshot. */
  readonly layer: string;
  /** The layer above it in the guest's chain. */
  readonly child: string;
  /** Layers on it that the guest does not have open, with what they lie on afterwards; the file way. */
  readonly branches: DeletePlan;
  /** commit: the same for layers on the child, whose file goes. */
  readonly childBranches: DeletePlan;
  /** commit: the snapshots that the child held; their data is in `layer` afterwards. */
  readonly moved: readonly number[];
}

/**
 * Removes snapshot `id` of a disk of a running guest (contract 7.1): the layer below the active one by a pull, one further down by a commit of
 * the layer above into it, anything the guest does not have open as if it were off. Errors: as deleteSnapshot; busy.
 */
export async function deleteLiveSnapshot(domain: Domain, disk: SnapshotDisk, id: number, context: OperationContext): Promise<void> {
  const plan = await context.step('live plan', () => planLive(domain, disk, id, context));
  if (plan === 'files') return await deleteSnapshot(disk, id, context);
  if (plan === 'keep') return await keepLayer(disk, id, context);
  await context.step('live prepare', () => prepareDirectory(disk, true));
  for (const child of plan.branches.children) await context.step(`rebase ${child}`, () => rebaseChild(disk, child, plan.branches, context));
  // A commit overwrites the snapshot from its first moment on: it can only go forward.
  if (plan.way === 'commit') context.commit();
  await context.step('merge', () => merge(domain, disk, plan, context));
  for (const child of plan.childBranches.children) {
    await context.step(`move ${child}`, () => rebaseChild(disk, child, plan.childBranches, context));
  }
  context.commit();
  const gone = plan.way === 'pull' ? plan.layer : plan.child;
  await context.step('live pointers', async () => {
    for (const moved of plan.moved) await writePointer(disk, moved, plan.layer, context.operationId);
  });
  await context.step('live remove', async () => {
    await mustBeUnused(disk, gone);
    await removeFile(path.join(snapshotDirectory(disk), gone), context.operationId);
    await removeFile(pointerPath(disk, id), context.operationId);
  });
}

async function planLive(domain: Domain, disk: SnapshotDisk, id: number, context: OperationContext): Promise<LivePlan | 'files' | 'keep'> {
  const layout = await readLayout(disk);
  if (layout.kind === 'copies') return 'files';
  const layer = layerOfSnapshot(layout, id);
  if (layer === undefined) return 'files';
  const name = layout.current.get(id) ?? String(id);
  if ([...layout.current].some(([other, one]) => other !== id && one === name)) return 'files';
  const live = await findLiveDisk(domain, disk, context).catch((thrown: unknown) => {
    if (asStorageError(thrown).reason === 'not_found') return undefined;
    throw thrown;
  });
  if (live === undefined) return 'files';
  const chain = await matchChain(disk, live);
  const position = chain.findIndex((one) => one.path === layer.path);
  const above = chain[position - 1];
  if (position < 1 || above === undefined) return 'files';
  if (path.dirname(layer.path) !== path.dirname(layout.active.path) || path.basename(layer.path) !== name) {
    throw new StorageError('conflict', `snapshot ${id} of ${disk.path} is ${layer.path}, which is not a layer of its own`);
  }
  const child = nameOf(layout, above);
  const others = (of: typeof layer, except: typeof layer) => childrenOf(layout, of).filter((one) => one.path !== except.path);
  const branches = others(layer, above);
  const common = { linked: layout.linked, shared: false };
  const plan = {
    layer: name,
    child,
    branches: { ...common, layer: name, children: branches.map((one) => nameOf(layout, one)), below: belowName(disk, layout, layer) },
  };
  const none = { ...common, layer: child, children: [], below: null };
  if (position === 1) {
    await mustHaveSpace(layer, [...branches, above]);
    return { ...plan, way: 'pull', childBranches: none, moved: [] };
  }
  if (await isKnownByLink(disk, live.chain[position])) return 'keep';
  await mustHaveSpace(above, [layer]);
  if (branches.length > 0) await mustHaveSpace(layer, branches);
  const next = chain[position - 2];
  const onChild = next === undefined ? [] : others(above, next).map((one) => nameOf(layout, one));
  const childBranches = { ...common, layer: child, children: onChild, below: layerName(disk, layout, name) };
  return { ...plan, way: 'commit', childBranches, moved: heldBy(layout, child) };
}

/**
 * To write into a layer qemu opens it again, by the name it was given: for the layer that was active when the guest was started that is
 * `disk.N`, a link which leads to another layer by now, and that one would be overwritten. Such a layer stays below the others until the
 * guest is off, without a snapshot of its own.
 */
async function keepLayer(disk: SnapshotDisk, id: number, context: OperationContext): Promise<void> {
  context.commit();
  await context.step('live keep', () => removeFile(pointerPath(disk, id), context.operationId));
  const why = 'the guest was started with it, and it can be merged with others only when the guest is off';
  context.log('warn', `snapshot ${id} of ${disk.path} is gone, but its layer stays: ${why}`);
}

/** The snapshots a layer holds: those that point at it, else the one of its number. */
function heldBy(layout: Layers, name: string): number[] {
  const pointed = [...layout.current].filter(([, one]) => one === name).map(([id]) => id);
  return pointed.length > 0 ? pointed : [Number(name)];
}

/** Runs the job, or follows the one an earlier run of the agent began; looks at the chain before and after. */
async function merge(domain: Domain, disk: SnapshotDisk, plan: LivePlan, context: OperationContext): Promise<void> {
  const what = plan.way === 'pull' ? `merge ${plan.layer} into ${plan.child}` : `merge ${plan.child} into ${plan.layer}`;
  const { target } = await findLiveDisk(domain, disk, context);
  if (context.attempt > 1) await follow(domain, target, what, () => false, context);
  const before = await positionOf(domain, disk, plan, context);
  if (before.gone) return;
  const { top, base } = before;
  try {
    if (plan.way === 'pull') await begin(() => startPull(domain, target, before.below, context), context);
    else await begin(() => startCommit(domain, target, top, base, context), context);
    await failpoint('guest.merge.started', context.signal);
    await follow(domain, target, what, () => false, context);
  } catch (thrown) {
    if (context.signal.aborted) await endJob(domain, target, ownSignal()).catch(() => undefined);
    throw thrown;
  }
  if (!(await positionOf(domain, disk, plan, context)).gone) throw lostJob(domain, target, `the job to ${what}`);
}

interface Position {
  /** The layer that is to go is in the guest's chain no more. */
  readonly gone: boolean;
  readonly top: number;
  readonly base: number;
  readonly below: number | undefined;
}

async function positionOf(domain: Domain, disk: SnapshotDisk, plan: LivePlan, context: OperationContext): Promise<Position> {
  const live = await findLiveDisk(domain, disk, context);
  const chain = await matchChain(disk, live);
  const index = (name: string): number =>
    chain.findIndex((one) => path.basename(one.path) === name && path.dirname(one.path).endsWith('.snap'));
  const [child, layer] = [index(plan.child), index(plan.layer)];
  const of = (position: number): number => live.chain[position]?.index ?? -1;
  return {
    gone: (plan.way === 'pull' ? layer : child) < 0,
    top: of(child),
    base: of(layer),
    below: live.chain[layer + 1]?.index,
  };
}

/** Ends a pull that a cancelled operation left; what it copied does no harm. */
export async function undoLiveDelete(domain: Domain, disk: SnapshotDisk): Promise<void> {
  const context = ownSignal();
  try {
    const { target } = await findLiveDisk(domain, disk, context);
    if ((await blockJob(domain, target, context))?.type === 'Block Pull') await endJob(domain, target, context);
  } catch (thrown) {
    const { reason } = asStorageError(thrown);
    if (reason !== 'not_found' && reason !== 'conflict') throw thrown;
  }
}
