import type { OperationKind } from '../../runtime/operations/types.ts';
import { revertSnapshot as work } from '../backends/file/snapshots-revert.ts';
import type { AgentContext } from '../context.ts';
import { type SnapshotRequestInput, snapshotKind } from './snapshot-kind.ts';

/** Gives a disk or image the content of a snapshot (snap_revert). */
export function revertSnapshot(agent: Pick<AgentContext, 'datastores'>): OperationKind<SnapshotRequestInput, undefined> {
  return snapshotKind(agent, 'snapshot.revert', work);
}
