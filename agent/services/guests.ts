import type { CopyGuestDiskRequest__Output } from '../../proto/gen/onestorage/v1/CopyGuestDiskRequest.ts';
import type { GuestDisk__Output } from '../../proto/gen/onestorage/v1/GuestDisk.ts';
import type { GuestSnapshotRequest__Output } from '../../proto/gen/onestorage/v1/GuestSnapshotRequest.ts';
import type { OperationEvent } from '../../proto/gen/onestorage/v1/OperationEvent.ts';
import { StorageError } from '../../runtime/errors.ts';
import type { OperationKind } from '../../runtime/operations/types.ts';
import type { AgentContext } from '../context.ts';
import { copyGuestDisk } from '../operations/copy-guest-disk.ts';
import { createGuestSnapshot, type GuestSnapshotInput } from '../operations/create-guest-snapshot.ts';
import { deleteGuestSnapshot } from '../operations/delete-guest-snapshot.ts';
import { type GuestDiskInput, QuietInput } from '../operations/guest-input.ts';
import { MAX_SNAPSHOT_ID } from '../operations/snapshot-kind.ts';
import { needFormat, needPlace } from './request.ts';
import { serveOperation } from './stream.ts';

type Send = (event: OperationEvent) => Promise<void>;
type Call = { readonly signal: AbortSignal };

/** Disks of running guests of this host. */
export function guestsService(agent: AgentContext) {
  const serve =
    (kind: OperationKind<GuestSnapshotInput, undefined>) =>
    (request: GuestSnapshotRequest__Output, call: Call, send: Send): Promise<void> =>
      serveOperation(agent, kind, request.operation, snapshotInput(request), call, send);
  const copy = copyGuestDisk(agent);
  return {
    CreateSnapshot: serve(createGuestSnapshot(agent)),
    DeleteSnapshot: serve(deleteGuestSnapshot(agent)),
    CopyDisk: (request: CopyGuestDiskRequest__Output, call: Call, send: Send): Promise<void> => {
      const input = { disk: needDisk(request.disk), target: needPlace(request.target, 'target'), quiet: needQuiet(request.quiet) };
      return serveOperation(agent, copy, request.operation, input, call, send);
    },
  };
}

function snapshotInput({ disk, snapshotId, quiet }: GuestSnapshotRequest__Output): GuestSnapshotInput {
  if (snapshotId > MAX_SNAPSHOT_ID) throw new StorageError('bad_argument', `snapshot_id ${snapshotId} is above ${MAX_SNAPSHOT_ID}`);
  return { disk: needDisk(disk), snapshotId, quiet: needQuiet(quiet) };
}

function needDisk(disk: GuestDisk__Output | null): GuestDiskInput {
  if (disk === null) throw new StorageError('bad_argument', 'disk is missing');
  needDomain(disk.domain);
  return { place: needPlace(disk.place, 'disk.place'), format: needFormat(disk.format), domain: disk.domain };
}

export function needDomain(domain: string): void {
  if (/^[A-Za-z0-9_][\w.:@+-]{0,199}$/u.test(domain)) return;
  throw new StorageError('bad_argument', `domain is '${domain.slice(0, 80)}'; give the name or UUID of the domain`);
}

export function needQuiet(text: string): GuestSnapshotInput['quiet'] {
  const found = QuietInput.safeParse(text === '' ? 'none' : text);
  if (found.success) return found.data;
  throw new StorageError('bad_argument', `quiet is '${text.slice(0, 40)}'; none, agent and suspend are known`);
}
