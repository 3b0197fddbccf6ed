import { link } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import { bytes } from '../../../runtime/units.ts';
import { type Layer, readChain } from './chain.ts';
import { createCopy } from './snapshots-copies.ts';
import {
  freeNumber,
  identify,
  pointerPath,
  pointTo,
  prepareDirectory,
  removeFile,
  sameFile,
  stageOverlay,
  writePointer,
} from './snapshots-files.ts';
import { childrenOf, type Layers, nameOf, readLayout, type SnapshotDisk, snapshotDirectory } from './snapshots-layout.ts';
import { flushDirectory, publish, stagePath } from './stage.ts';

/** What is to be done, found once and kept in the journal: after a half-done run the disk itself would give another answer. */
export interface CreatePlan {
  /** The layer that becomes the snapshot. */
  readonly from: string;
  /** The layer that becomes active. */
  readonly to: string;
  readonly size: number;
  /** Overlays of earlier attempts that go. */
  readonly leftovers: readonly string[];
  readonly done: boolean;
}

/**
 * Makes snapshot `id`. A qcow2 disk gets a new active layer; a raw disk, and a qcow2 disk whose earlier snapshots are full copies, a full
 * copy. Made again when it is there: success, as long as nobody has written since.
 */
export async function createSnapshot(disk: SnapshotDisk, id: number, context: OperationContext): Promise<void> {
  const how = await context.step('layout', async () => {
    const layout = await readLayout(disk);
    if (layout.kind === 'layers') return 'layers' as const;
    return disk.format === 'raw' || layout.ids.length > 0 ? ('copies' as const) : ('plain' as const);
  });
  if (how === 'copies') return await createCopy(disk, id, context);
  await context.step('prepare', () => prepareDirectory(disk, true));
  if (how === 'plain') await context.step('become layers', () => becomeLayers(disk, context));
  const plan = await context.step('plan', () => planLayer(disk, id));
  if (plan.done) return;
  await context.step('overlay', async () => {
    await stageOverlay(disk, { linked: true }, { name: plan.to, backing: plan.from, size: bytes(plan.size) }, context);
  });
  context.commit();
  await context.step('publish', () => publishLayer(disk, id, plan, context));
}

/** The plain file gets its name in .snap first, then the link takes its place: the disk is readable all the time. */
export async function becomeLayers(disk: SnapshotDisk, context: OperationContext): Promise<void> {
  const first = path.join(snapshotDirectory(disk), '0');
  if ((await readLayout(disk)).kind === 'layers') return;
  if (!sameFile(await identify(disk.path), await identify(first))) {
    await link(disk.path, first).catch((thrown: unknown) => {
      throw asStorageError(thrown);
    });
    await flushDirectory(snapshotDirectory(disk));
  }
  await pointTo(disk, '0', context.operationId);
}

export async function planLayer(disk: SnapshotDisk, id: number): Promise<CreatePlan> {
  const layout = await readLayout(disk);
  if (layout.kind !== 'layers') throw new StorageError('conflict', `${disk.path} is not a link to a layer`);
  if (!layout.linked)
    throw new StorageError('unsupported', `${disk.path}: snapshots of an image on shared storage are made through its VM`);
  const from = nameOf(layout, layout.active);
  const taken = holderOf(layout, id);
  if (taken !== undefined && taken !== from) return existing(disk, id, layout, taken);
  const to = numberFor(disk, layout, id);
  const leftovers = childrenOf(layout, layout.active).filter((layer) => isLeftover(layout, layer));
  const others = leftovers.map((layer) => nameOf(layout, layer)).filter((name) => name !== to);
  return { from, to, size: layout.active.virtualSize, leftovers: others, done: false };
}

/** The layer that holds snapshot `id` already. A file of that number alone is none: OpenNebula gives each number once, an earlier attempt left it. */
function holderOf(layout: Layers, id: number): string | undefined {
  const pointed = layout.current.get(id);
  if (pointed !== undefined) return pointed;
  const layer = layout.layers.get(String(id));
  return layer !== undefined && layout.active.backing?.path === layer.path && !isPointedAt(layout, layer) ? String(id) : undefined;
}

/** The snapshot is there: fine when the disk still shows it, else the new one would be another. */
function existing(disk: SnapshotDisk, id: number, layout: Layers, taken: string): CreatePlan {
  const { active } = layout;
  if (active.empty && active.backing?.path === layout.layers.get(taken)?.path) {
    return { from: taken, to: nameOf(layout, active), size: active.virtualSize, leftovers: [], done: true };
  }
  throw new StorageError('already_exists', `${disk.path} has a snapshot ${id} already, and has been written to since`);
}

/**
 * OpenNebula expects layer id + 1. What lies on the active layer was left by an earlier attempt (contract 9.19): empty, it is replaced; with
 * data it may be what a guest wrote last, so a person must look. Any other layer keeps its number.
 */
function numberFor(disk: SnapshotDisk, layout: Layers, id: number): string {
  const written = childrenOf(layout, layout.active).find((layer) => !isLeftover(layout, layer));
  if (written !== undefined) {
    const why = `${written.path} lies on the active layer; an interrupted live snapshot may have left it`;
    throw new StorageError('conflict', `${disk.path}: ${why}; point the disk at it or move it away`);
  }
  const wanted = layout.layers.get(String(id + 1));
  return wanted !== undefined && isLeftover(layout, wanted) ? String(id + 1) : freeNumber(layout, id + 1);
}

/** Nothing but an overlay somebody began to make: on the active layer, without data, and nobody needs it. */
export function isLeftover(layout: Layers, layer: Layer): boolean {
  const fresh = layer.empty && layer.backing?.path === layout.active.path;
  return fresh && childrenOf(layout, layer).length === 0 && !isPointedAt(layout, layer);
}

function isPointedAt(layout: Layers, layer: Layer): boolean {
  return [...layout.current.values()].includes(nameOf(layout, layer));
}

export async function publishLayer(disk: SnapshotDisk, id: number, plan: CreatePlan, context: OperationContext): Promise<void> {
  const target = path.join(snapshotDirectory(disk), plan.to);
  const stage = stagePath(target, context.operationId);
  if ((await identify(stage)) !== undefined) await publish(stage, target);
  // Before the link: a pointer at the active layer is no snapshot yet.
  if (plan.from !== String(id)) await writePointer(disk, id, plan.from, context.operationId);
  else await removeFile(pointerPath(disk, id), context.operationId);
  await pointTo(disk, plan.to, context.operationId);
  for (const name of plan.leftovers) await removeFile(path.join(snapshotDirectory(disk), name), context.operationId);
  await readChain(disk.path, 'qcow2', disk.root);
}
