import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { StorageError } from '../../../runtime/errors.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import { bytes } from '../../../runtime/units.ts';
import { chainFrom } from './chain.ts';
import { revertToCopy } from './snapshots-copies.ts';
import { forgetChecksum, freeNumber, identify, pointTo, prepareDirectory, stageOverlay } from './snapshots-files.ts';
import { childrenOf, layerOfSnapshot, nameOf, noSnapshot, readLayout, type SnapshotDisk, snapshotDirectory } from './snapshots-layout.ts';
import { publish, stagePath } from './stage.ts';

interface RevertPlan {
  readonly linked: boolean;
  readonly to: string;
  readonly backing: string;
  readonly size: number;
}

/**
 * Gives the disk the content and the size it had at snapshot `id`; what was written since is gone. The snapshot stays. Errors: not_found,
 * broken_chain.
 */
export async function revertSnapshot(disk: SnapshotDisk, id: number, context: OperationContext): Promise<void> {
  const plan = await context.step('plan', () => planRevert(disk, id, context));
  if (plan === 'copies') return await revertToCopy(disk, id, context);
  await context.step('prepare', () => prepareDirectory(disk, plan.linked));
  await context.step('overlay', async () => {
    await stageOverlay(disk, plan, { name: plan.to, backing: plan.backing, size: bytes(plan.size) }, context);
  });
  context.commit();
  await context.step('publish', async () => {
    await forgetChecksum(disk);
    const target = path.join(snapshotDirectory(disk), plan.to);
    const stage = stagePath(target, context.operationId);
    if ((await identify(stage)) !== undefined) await publish(stage, target);
    if (plan.linked) await pointTo(disk, plan.to, context.operationId);
    await chainFrom(await realpath(target), 'qcow2', { disk: disk.path, root: disk.root });
  });
}

async function planRevert(disk: SnapshotDisk, id: number, context: OperationContext): Promise<RevertPlan | 'copies'> {
  const layout = await readLayout(disk);
  if (layout.kind === 'copies') {
    if (!layout.ids.includes(id)) throw noSnapshot(disk, id);
    return 'copies';
  }
  const layer = layerOfSnapshot(layout, id);
  if (layer === undefined) throw noSnapshot(disk, id);
  await chainFrom(layer.path, 'qcow2', { disk: disk.path, root: disk.root });
  const plan = { linked: layout.linked, backing: nameOf(layout, layer), size: layer.virtualSize };
  const active = nameOf(layout, layout.active);
  const onTop = childrenOf(layout, layout.active);
  if (onTop.length === 0) return { ...plan, to: active };
  // Overwriting a backing file would corrupt what lies on it. Only an interrupted live snapshot leaves such a layer; it keeps its content.
  if (!layout.linked) throw new StorageError('conflict', `${onTop[0]?.path} lies on the active layer ${active} of ${disk.path}`);
  context.log('warn', `${disk.path}: ${onTop[0]?.path} lies on the active layer ${active}; both stay, the disk gets a new layer`);
  return { ...plan, to: freeNumber(layout, Number(active)) };
}
