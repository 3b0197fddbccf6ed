import type { BackupUsageRequest__Output } from '../../proto/gen/onestorage/v1/BackupUsageRequest.ts';
import type { BackupUsageResponse } from '../../proto/gen/onestorage/v1/BackupUsageResponse.ts';
import type { BootBackupRequest__Output } from '../../proto/gen/onestorage/v1/BootBackupRequest.ts';
import type { CatalogRequest__Output } from '../../proto/gen/onestorage/v1/CatalogRequest.ts';
import type { CatalogResponse } from '../../proto/gen/onestorage/v1/CatalogResponse.ts';
import type { FlattenBackupRequest__Output } from '../../proto/gen/onestorage/v1/FlattenBackupRequest.ts';
import type { ListBackupRequest__Output } from '../../proto/gen/onestorage/v1/ListBackupRequest.ts';
import type { ListBackupResponse } from '../../proto/gen/onestorage/v1/ListBackupResponse.ts';
import type { OperationEvent } from '../../proto/gen/onestorage/v1/OperationEvent.ts';
import type { OperationHeader__Output } from '../../proto/gen/onestorage/v1/OperationHeader.ts';
import type { ProbeRepositoryRequest__Output } from '../../proto/gen/onestorage/v1/ProbeRepositoryRequest.ts';
import type { ProbeRepositoryResponse } from '../../proto/gen/onestorage/v1/ProbeRepositoryResponse.ts';
import type { RemoveBackupRequest__Output } from '../../proto/gen/onestorage/v1/RemoveBackupRequest.ts';
import type { RestoreBackupRequest__Output } from '../../proto/gen/onestorage/v1/RestoreBackupRequest.ts';
import type { StoreBackupRequest__Output } from '../../proto/gen/onestorage/v1/StoreBackupRequest.ts';
import type { SwapDisksRequest__Output } from '../../proto/gen/onestorage/v1/SwapDisksRequest.ts';
import type { UnlockRepositoryRequest__Output } from '../../proto/gen/onestorage/v1/UnlockRepositoryRequest.ts';
import type { VerifyBackupRequest__Output } from '../../proto/gen/onestorage/v1/VerifyBackupRequest.ts';
import type { OperationKind } from '../../runtime/operations/types.ts';
import type { AgentContext, OperationResult } from '../context.ts';
import { type ReadRepository, readBackupIds, readBoot, readChain, readDiskId, readRepository } from '../operations/backup-request.ts';
import { bootBackup } from '../operations/boot-backup.ts';
import { flattenBackup } from '../operations/flatten-backup.ts';
import { importImage } from '../operations/import-image.ts';
import { backupUsage, catalogOf, listBackup, probeRepository } from '../operations/look-at-backups.ts';
import { removeBackup } from '../operations/remove-backup.ts';
import { storeBackup } from '../operations/store-backup.ts';
import { swapDisks } from '../operations/swap-disks.ts';
import { unlockRepository } from '../operations/unlock-repository.ts';
import { verifyBackup } from '../operations/verify-backup.ts';
import { readOrigin } from '../origin/origin.ts';
import { secretsOf } from '../origin/secrets.ts';
import { needFormat, needPlace } from './request.ts';
import { serveOperation } from './stream.ts';

interface Call {
  readonly signal: AbortSignal;
}
type Send = (event: OperationEvent) => Promise<void>;

/** Backups in repositories that this host can reach. */
export function backupsService(agent: AgentContext) {
  const kinds = {
    store: storeBackup(agent),
    remove: removeBackup(agent),
    flatten: flattenBackup(agent),
    restore: importImage(agent),
    swap: swapDisks(agent),
    verify: verifyBackup(agent),
    boot: bootBackup(agent),
    unlock: unlockRepository(agent),
  };

  /** The secrets wait in memory for the operation, which drops them itself: also when the client goes away and the operation goes on. */
  async function serve<Input>(
    kind: OperationKind<Input, OperationResult>,
    header: OperationHeader__Output | null,
    { secret }: Pick<ReadRepository, 'secret'>,
    input: Input,
    call: Call,
    send: Send,
  ): Promise<void> {
    const operationId = header?.operationId ?? '';
    secretsOf(agent).put(operationId, { path: '', s3: undefined, repository: secret });
    await serveOperation(agent, kind, header, input, call, send);
    secretsOf(agent).drop(operationId);
  }

  return {
    Store: async (request: StoreBackupRequest__Output, call: Call, send: Send): Promise<void> => {
      const read = readRepository(request.repository);
      const { vmId, increment, diskIds } = request;
      const follows = request.follows === null ? [] : readChain(request.follows);
      const source = needPlace(request.source, 'source');
      const input = { repository: read.repository, vmId, source, diskIds: [...diskIds], increment, follows };
      await serve(kinds.store, request.operation, read, input, call, send);
    },
    List: (request: ListBackupRequest__Output, call: Call): Promise<ListBackupResponse> => {
      const diskId = request.diskId === '' ? '' : readDiskId(request.diskId);
      const what = { chain: readChain(request.chain), diskId, withDocument: request.withDocument };
      return listBackup(agent, readRepository(request.repository), what, call.signal);
    },
    Catalog: (request: CatalogRequest__Output, call: Call): Promise<CatalogResponse> =>
      catalogOf(agent, readRepository(request.repository), call.signal),
    Remove: async (request: RemoveBackupRequest__Output, call: Call, send: Send): Promise<void> => {
      const read = readRepository(request.repository);
      const input = { repository: read.repository, backupIds: readBackupIds(request.backupIds) };
      await serve(kinds.remove, request.operation, read, input, call, send);
    },
    Usage: (request: BackupUsageRequest__Output, call: Call): Promise<BackupUsageResponse> =>
      backupUsage(agent, readRepository(request.repository), call.signal),
    Flatten: async (request: FlattenBackupRequest__Output, call: Call, send: Send): Promise<void> => {
      const read = readRepository(request.repository);
      const keepLast = Math.max(1, request.keepLast);
      const { vmId, sparsify } = request;
      const input = { repository: read.repository, vmId, chain: readChain(request.chain), keepLast, sparsify };
      await serve(kinds.flatten, request.operation, read, input, call, send);
    },
    // An image that comes from a backup: what is restored in place differs by its name alone.
    Restore: async (request: RestoreBackupRequest__Output, call: Call, send: Send): Promise<void> => {
      const { repository, secret } = readRepository(request.repository);
      const backup = { repository, chain: readChain(request.chain), diskId: readDiskId(request.diskId) };
      const { origin } = readOrigin({ ...NO_ADDRESS, path: `disk ${backup.diskId} of backup` }, { input: backup, secret });
      const input = {
        ...{ origin, target: needPlace(request.target, 'target'), checksums: [], opaque: backup.diskId === 'tpm' },
        ...{ preallocate: request.preallocate, stagingDir: '' },
        ...(request.format === '' ? {} : { convertTo: needFormat(request.format) }),
      };
      await serve(kinds.restore, request.operation, { secret }, input, call, send);
    },
    Swap: async (request: SwapDisksRequest__Output, call: Call, send: Send): Promise<void> => {
      const disks = request.disks.map((one) => ({
        disk: needPlace(one.disk, 'disk'),
        replacement: needPlace(one.replacement, 'replacement'),
      }));
      await serveOperation(agent, kinds.swap, request.operation, { disks }, call, send);
    },
    Verify: async (request: VerifyBackupRequest__Output, call: Call, send: Send): Promise<void> => {
      const read = readRepository(request.repository);
      await serve(kinds.verify, request.operation, read, { repository: read.repository, chain: readChain(request.chain) }, call, send);
    },
    Boot: async (request: BootBackupRequest__Output, call: Call, send: Send): Promise<void> => {
      const read = readRepository(request.repository);
      const input = { repository: read.repository, chain: readChain(request.chain), ...readBoot(request) };
      await serve(kinds.boot, request.operation, read, input, call, send);
    },
    Probe: (request: ProbeRepositoryRequest__Output, call: Call): Promise<ProbeRepositoryResponse> =>
      probeRepository(agent, readRepository(request.repository), call.signal),
    Unlock: async (request: UnlockRepositoryRequest__Output, call: Call, send: Send): Promise<void> => {
      const read = readRepository(request.repository);
      await serve(kinds.unlock, request.operation, read, { repository: read.repository }, call, send);
    },
  };
}

const NO_ADDRESS = { safeDirs: [], restrictedDirs: [], noDecompress: true, bytesPerSecond: 0, s3: null } as const;
