import type { OperationKind } from '../../runtime/operations/types.ts';
import { createSnapshot as work } from '../backends/file/snapshots-create.ts';
import type { AgentContext } from '../context.ts';
import { type SnapshotRequestInput, snapshotKind } from './snapshot-kind.ts';

/** Makes a snapshot of a disk whose VM is off (snap_create). */
export function createSnapshot(agent: Pick<AgentContext, 'datastores'>): OperationKind<SnapshotRequestInput, undefined> {
  return snapshotKind(agent, 'snapshot.create', work);
}
