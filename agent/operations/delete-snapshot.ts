import type { OperationKind } from '../../runtime/operations/types.ts';
import { deleteSnapshot as work } from '../backends/file/snapshots-delete.ts';
import type { AgentContext } from '../context.ts';
import { type SnapshotRequestInput, snapshotKind } from './snapshot-kind.ts';

/** Removes a snapshot of a disk or image (snap_delete). */
export function deleteSnapshot(agent: Pick<AgentContext, 'datastores'>): OperationKind<SnapshotRequestInput, undefined> {
  return snapshotKind(agent, 'snapshot.delete', work);
}
