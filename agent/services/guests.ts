import type { CopyGuestDiskRequest__Output } from '../../proto/gen/onestorage/v1/CopyGuestDiskRequest.ts';
import type { GuestDirectoryRequest__Output } from '../../proto/gen/onestorage/v1/GuestDirectoryRequest.ts';
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
import { abandonMigration } from '../operations/migration-abandon.ts';
import { confirmMigration } from '../operations/migration-confirm.ts';
import { finishMigration } from '../operations/migration-finish.ts';
import type { GuestDirectoryInput } from '../operations/migration-input.ts';
import { prepareMigration } from '../operations/migration-prepare.ts';
import { MAX_SNAPSHOT_ID } from '../operations/snapshot-kind.ts';
import { needDomain, needFormat, needPlace } from './request.ts';
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
  const migrate =
    (kind: OperationKind<GuestDirectoryInput, undefined>) =>
    (request: GuestDirectoryRequest__Output, call: Call, send: Send): Promise<void> =>
      serveOperation(agent, kind, request.operation, directoryInput(request), call, send);
  return {
    CreateSnapshot: serve(createGuestSnapshot(agent)),
    DeleteSnapshot: serve(deleteGuestSnapshot(agent)),
    PrepareMigration: migrate(prepareMigration(agent)),
    ConfirmMigration: migrate(confirmMigration(agent)),
    FinishMigration: migrate(finishMigration(agent)),
    AbandonMigration: migrate(abandonMigration(agent)),
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

function directoryInput({ directory, domain }: GuestDirectoryRequest__Output): GuestDirectoryInput {
  return { directory: needPlace(directory, 'directory'), domain: needDomain(domain) };
}

function needDisk(disk: GuestDisk__Output | null): GuestDiskInput {
  if (disk === null) throw new StorageError('bad_argument', 'disk is missing');
  return { place: needPlace(disk.place, 'disk.place'), format: needFormat(disk.format), domain: needDomain(disk.domain) };
}

export function needQuiet(text: string): GuestSnapshotInput['quiet'] {
  const found = QuietInput.safeParse(text === '' ? 'none' : text);
  if (found.success) return found.data;
  throw new StorageError('bad_argument', `quiet is '${text.slice(0, 40)}'; none, agent and suspend are known`);
}
