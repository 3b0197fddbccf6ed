import type { DiscardRequest__Output } from '../../proto/gen/onestorage/v1/DiscardRequest.ts';
import type { OperationEvent } from '../../proto/gen/onestorage/v1/OperationEvent.ts';
import type { StageRequest__Output } from '../../proto/gen/onestorage/v1/StageRequest.ts';
import { StorageError } from '../../runtime/errors.ts';
import type { AgentContext } from '../context.ts';
import { readLimits } from '../operations/backup-request.ts';
import { discardBackup } from '../operations/discard-backup.ts';
import { type BackupVmInput, StageBackupInput, stageBackup } from '../operations/stage-backup.ts';
import { needQuiet } from './guests.ts';
import { needDomain, needFormat, needPlace } from './request.ts';
import { serveOperation } from './stream.ts';

type Send = (event: OperationEvent) => Promise<void>;
type Call = { readonly signal: AbortSignal };

/** Backups of the VMs of this host, made ready to be uploaded. */
export function stagingService(agent: AgentContext) {
  const [stage, discard] = [stageBackup(agent), discardBackup(agent)];
  return {
    Stage: (request: StageRequest__Output, call: Call, send: Send): Promise<void> => {
      const { incrementId, document, tpm, bytesPerSecond } = request;
      const tracking = StageBackupInput.shape.tracking.safeParse(request.tracking);
      if (!tracking.success) {
        throw new StorageError('bad_argument', `tracking is '${request.tracking.slice(0, 40)}'; none and bitmap are known`);
      }
      const limits = readLimits(request.limits);
      const how = {
        increment: incrementId,
        tracking: tracking.data,
        quiet: needQuiet(request.quiet),
        document,
        tpm,
        bytesPerSecond,
        limits,
      };
      return serveOperation(agent, stage, request.operation, { ...vmOf(request), ...how }, call, send);
    },
    Discard: (request: DiscardRequest__Output, call: Call, send: Send): Promise<void> =>
      serveOperation(agent, discard, request.operation, vmOf(request), call, send),
  };
}

function vmOf({ directory, vmId, disks, domain }: DiscardRequest__Output): BackupVmInput {
  if (domain !== '') needDomain(domain);
  const all = disks.map(({ diskId, format }) => ({ id: diskId, format: needFormat(format) }));
  if (new Set(all.map(({ id }) => id)).size !== all.length) throw new StorageError('bad_argument', 'a disk is named twice');
  return { directory: needPlace(directory, 'directory'), vmId, disks: all, domain };
}
