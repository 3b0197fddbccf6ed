import type { OperationKind } from '../../runtime/operations/types.ts';
import { undoSnapshotWork } from '../backends/file/snapshots-undo.ts';
import { deleteLiveSnapshot, undoLiveDelete } from '../backends/live/snapshot-delete.ts';
import type { AgentContext } from '../context.ts';
import { GuestSnapshotInput } from './create-guest-snapshot.ts';
import { diskForUndo, diskOf, domainOf } from './guest-input.ts';
import { placeResources } from './volume-input.ts';

/** Removes a snapshot of a disk of a running guest (snap_delete in LCM 59). */
export function deleteGuestSnapshot(agent: AgentContext): OperationKind<GuestSnapshotInput, undefined> {
  return {
    name: 'guest.snapshot.delete',
    input: GuestSnapshotInput,
    resources: ({ disk }) => [...placeResources(agent.datastores, disk.place), `domain:${disk.domain}`],
    async run({ disk, snapshotId }, context) {
      await deleteLiveSnapshot(domainOf(agent, disk), await diskOf(agent, disk, context.operationId), snapshotId, context);
      return undefined;
    },
    async undo({ disk }, context) {
      const found = await diskForUndo(agent, disk);
      if (found === undefined) return;
      await undoLiveDelete(domainOf(agent, disk), found);
      await undoSnapshotWork(found, context.operationId);
    },
  };
}
