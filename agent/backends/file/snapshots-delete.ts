import { stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { StorageError } from '../../../runtime/errors.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import { formatBytes } from '../../../runtime/units.ts';
import { check, rebase } from '../../tools/qemu-img.ts';
import { type Layer, readLayer } from './chain.ts';
import { deleteCopy } from './snapshots-copies.ts';
import { pointerPath, prepareDirectory, removeFile } from './snapshots-files.ts';
import {
  childrenOf,
  type Layers,
  layerName,
  layerOfSnapshot,
  nameOf,
  noSnapshot,
  readLayout,
  type SnapshotDisk,
  snapshotDirectory,
} from './snapshots-layout.ts';
import { flush } from './stage.ts';

export interface DeletePlan {
  readonly layer: string;
  /** Layers that take over what they need of it. */
  readonly children: readonly string[];
  /** The layer below, as it will stand in the children's headers; null: none. */
  readonly below: string | null;
  readonly linked: boolean;
  /** Another snapshot is held by the same layer: only the pointer goes. */
  readonly shared: boolean;
}

/**
 * Removes snapshot `id`. The content of the disk and of all other snapshots stays: what lies on its layer takes over the data first (see
 * qemu-img.ts), and the layer goes last. Not there: success with a warning.
 * Errors: no_space before anything is written, broken_chain, conflict.
 */
export async function deleteSnapshot(disk: SnapshotDisk, id: number, context: OperationContext): Promise<void> {
  const plan = await context.step('plan', () => planDelete(disk, id));
  if (plan === 'copies') return await deleteCopy(disk, id, context);
  if (plan === 'missing') return context.log('warn', noSnapshot(disk, id).message);
  if (plan.children.length > 0) await context.step('prepare', () => prepareDirectory(disk, plan.linked));
  for (const child of plan.children) await context.step(`rebase ${child}`, () => rebaseChild(disk, child, plan, context));
  if (!plan.shared) await context.step('check', () => mustBeUnused(disk, plan.layer));
  context.commit();
  await context.step('remove', async () => {
    if (!plan.shared) await removeFile(path.join(snapshotDirectory(disk), plan.layer), context.operationId);
    await removeFile(pointerPath(disk, id), context.operationId);
  });
}

async function planDelete(disk: SnapshotDisk, id: number): Promise<DeletePlan | 'copies' | 'missing'> {
  const layout = await readLayout(disk);
  if (layout.kind === 'copies') return layout.ids.includes(id) ? 'copies' : 'missing';
  const layer = layerOfSnapshot(layout, id);
  if (layer === undefined) {
    if (layout.layers.get(layout.current.get(id) ?? String(id)) === layout.active) throw noSnapshot(disk, id);
    return 'missing';
  }
  const name = layout.current.get(id) ?? String(id);
  const shared = [...layout.current].some(([other, one]) => other !== id && one === name);
  if (shared) return { layer: name, children: [], below: null, linked: layout.linked, shared };
  if (path.dirname(layer.path) !== path.dirname(layout.active.path) || path.basename(layer.path) !== name) {
    throw new StorageError('conflict', `snapshot ${id} of ${disk.path} is ${layer.path}, which is not a layer of its own`);
  }
  const children = childrenOf(layout, layer);
  await mustHaveSpace(layer, children);
  return {
    layer: name,
    children: children.map((child) => nameOf(layout, child)),
    below: belowName(disk, layout, layer),
    linked: layout.linked,
    shared,
  };
}

/** A layer of the disk by the name that resolves from everywhere; an image by the name it had. */
export function belowName(disk: SnapshotDisk, layout: Layers, layer: Layer): string | null {
  if (layer.backing === undefined) return null;
  const { name, path: below } = layer.backing;
  const own = [...layout.layers.values()].find((one) => one.path === below);
  return own === undefined ? name : layerName(disk, layout, nameOf(layout, own));
}

/** Each child grows by the layer's own data at most, and never above its virtual size. */
export async function mustHaveSpace(layer: Layer, children: readonly Layer[]): Promise<void> {
  const allocated = async (file: string): Promise<number> => (await stat(file)).blocks * 512;
  const data = await allocated(layer.path);
  let needed = 0;
  for (const child of children) needed += Math.min(data, Math.max(0, child.virtualSize - (await allocated(child.path))));
  const { bavail, bsize } = await statfs(path.dirname(layer.path));
  if (needed > bavail * bsize) {
    const free = `needs up to ${formatBytes(needed)}, ${formatBytes(bavail * bsize)} are free`;
    throw new StorageError('no_space', `what lies on ${layer.path} must take over its data: ${free}`);
  }
}

export async function rebaseChild(disk: SnapshotDisk, child: string, plan: DeletePlan, context: OperationContext): Promise<void> {
  const file = path.join(snapshotDirectory(disk), child);
  const scope = { disk: disk.path, root: disk.root };
  const before = await readLayer(file, 'qcow2', scope);
  // Done already, before a restart.
  if (before.backing?.name === (plan.below ?? undefined)) return;
  const onProgress = (done: number): void =>
    context.report({
      step: `merge ${plan.layer} into ${child}`,
      doneBytes: Math.round(done * before.virtualSize),
      totalBytes: before.virtualSize,
    });
  const below = plan.below ?? undefined;
  const backing = below === undefined ? undefined : ({ name: below, format: 'qcow2' } as const);
  await rebase(file, 'qcow2', backing, { onProgress }, context);
  await flush(file);
  const { corruptions } = await check(file, context);
  if (corruptions > 0) throw new StorageError('broken_chain', `${file} is damaged; layer ${plan.layer} stays`);
  const after = await readLayer(file, 'qcow2', scope);
  if (after.backing?.name !== below) throw new StorageError('internal', `${file} still lies on ${after.backing?.name}`);
}

/** Last look before the layer goes: it may be gone already, but nothing may lie on it. */
export async function mustBeUnused(disk: SnapshotDisk, name: string): Promise<void> {
  const layout = await readLayout(disk);
  if (layout.kind !== 'layers') throw new StorageError('conflict', `${disk.path} has no layers any more`);
  const layer = layout.layers.get(name);
  if (layer === undefined) return;
  const user = layer === layout.active ? layer : childrenOf(layout, layer)[0];
  if (user !== undefined) throw new StorageError('conflict', `${user.path} still needs layer ${name}`);
}
