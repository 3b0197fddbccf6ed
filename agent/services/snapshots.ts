import type { OperationEvent } from '../../proto/gen/onestorage/v1/OperationEvent.ts';
import type { SnapshotRequest__Output } from '../../proto/gen/onestorage/v1/SnapshotRequest.ts';
import { StorageError } from '../../runtime/errors.ts';
import type { OperationKind } from '../../runtime/operations/types.ts';
import type { AgentContext } from '../context.ts';
import { createSnapshot } from '../operations/create-snapshot.ts';
import { deleteSnapshot } from '../operations/delete-snapshot.ts';
import { flattenImage } from '../operations/flatten-image.ts';
import { revertSnapshot } from '../operations/revert-snapshot.ts';
import { MAX_SNAPSHOT_ID, type SnapshotRequestInput } from '../operations/snapshot-kind.ts';
import { needFormat, needPlace } from './request.ts';
import { serveOperation } from './stream.ts';

type Send = (event: OperationEvent) => Promise<void>;

/** Snapshots of disks and images on this host. */
export function snapshotsService(agent: AgentContext) {
  const serve =
    (kind: OperationKind<SnapshotRequestInput, undefined>) =>
    (request: SnapshotRequest__Output, call: { readonly signal: AbortSignal }, send: Send): Promise<void> =>
      serveOperation(agent, kind, request.operation, inputOf(request), call, send);
  return {
    Create: serve(createSnapshot(agent)),
    Revert: serve(revertSnapshot(agent)),
    Delete: serve(deleteSnapshot(agent)),
    Flatten: serve(flattenImage(agent)),
  };
}

function inputOf({ disk, snapshotId, format }: SnapshotRequest__Output): SnapshotRequestInput {
  if (snapshotId > MAX_SNAPSHOT_ID) throw new StorageError('bad_argument', `snapshot_id ${snapshotId} is above ${MAX_SNAPSHOT_ID}`);
  return { disk: needPlace(disk, 'disk'), snapshotId, format: needFormat(format) };
}
