import type { OperationKind } from '../../runtime/operations/types.ts';
import { flattenSnapshot } from '../backends/file/flatten.ts';
import type { AgentContext } from '../context.ts';
import { type SnapshotRequestInput, snapshotKind } from './snapshot-kind.ts';

/** The image becomes one of its snapshots and has none any more (snap_flatten). */
export function flattenImage(agent: Pick<AgentContext, 'datastores'>): OperationKind<SnapshotRequestInput, undefined> {
  return snapshotKind(agent, 'image.flatten', flattenSnapshot);
}
