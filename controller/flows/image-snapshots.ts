import { StorageError } from '../../runtime/errors.ts';
import { formatOf } from '../opennebula/vm-document.ts';
import type { Flow, FlowTools } from './flow.ts';
import { bridgeOf, imageOf, sourceOf } from './images.ts';

type Verb = 'Snapshots/Delete' | 'Snapshots/Revert' | 'Snapshots/Flatten';

/** Snapshots of an image that no VM uses. TARGET_SNAPSHOT stands in IMAGE (contract 1.3). */
async function snapshot(id: number, tools: FlowTools, method: Verb): Promise<string> {
  const data = tools.document();
  const image = imageOf(data);
  const disk = sourceOf(data, tools);
  const snapshotId = image.targetSnapshot ?? -1;
  const format = formatOf(image.format);
  if (snapshotId < 0) throw new StorageError('bad_document', `image ${id} has no TARGET_SNAPSHOT`);
  if (format === undefined)
    throw new StorageError('bad_document', `image ${id} has the format ${image.format ?? '(none)'}; only raw and qcow2 have snapshots`);
  await tools.run(await bridgeOf(data.datastore, id, tools), 'snapshot', method, { disk, snapshotId, format });
  return '';
}

export const imageSnapDelete: Flow<'ds/snap_delete'> = { class: 'delete', run: ({ id }, tools) => snapshot(id, tools, 'Snapshots/Delete') };
export const imageSnapRevert: Flow<'ds/snap_revert'> = { class: 'image', run: ({ id }, tools) => snapshot(id, tools, 'Snapshots/Revert') };
export const imageSnapFlatten: Flow<'ds/snap_flatten'> = {
  class: 'image',
  run: ({ id }, tools) => snapshot(id, tools, 'Snapshots/Flatten'),
};
