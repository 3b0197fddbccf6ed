import type { BackupUsageResponse } from '../../proto/gen/onestorage/v1/BackupUsageResponse.ts';
import type { CatalogResponse } from '../../proto/gen/onestorage/v1/CatalogResponse.ts';
import type { ListBackupResponse } from '../../proto/gen/onestorage/v1/ListBackupResponse.ts';
import type { ProbeRepositoryResponse } from '../../proto/gen/onestorage/v1/ProbeRepositoryResponse.ts';
import { StorageError } from '../../runtime/errors.ts';
import { lookContext } from '../backends/repository/context.ts';
import type { ChainOf } from '../backends/repository/input.ts';
import { listBackup as list, type WhatToList } from '../backends/repository/list.ts';
import { openRepository } from '../backends/repository/open.ts';
import type { Repository } from '../backends/repository/repository.ts';
import type { BackupAgent } from './backup-input.ts';
import type { ReadRepository } from './backup-request.ts';

/** Looks change nothing and are in no journal. */

function opened({ datastores, stateDirectory, sshConfig }: BackupAgent, { repository, secret }: ReadRepository): Repository {
  return openRepository({ datastores, stateDirectory, sshConfig }, repository, secret);
}

/** What a chain holds at its end (contract 8 `ls`, `stat`). Of `diskId`, unless empty, alone and with its virtual size. */
export async function listBackup(
  agent: BackupAgent,
  repository: ReadRepository,
  what: WhatToList,
  signal: AbortSignal,
): Promise<ListBackupResponse> {
  const place = opened(agent, repository);
  const { disks, vmXml, increments } = await list(place, what, lookContext(signal));
  const last = increments.at(-1);
  if (last !== undefined && last.backup === undefined) {
    const missing = increments.filter(({ backup }) => backup === undefined).map(({ id, backupId }) => `${id}:${backupId}`);
    throw new StorageError('not_found', `repository ${place.label} does not have increment ${missing.join(', ')}`);
  }
  return {
    files: disks.map((disk) => ({ ...disk, increments: [...disk.increments] })),
    vmXml,
    increments: increments.map(({ id, backupId, backup }) => ({
      increment: { id, backupId },
      present: backup !== undefined,
      createdUnixMs: backup?.createdUnixMs ?? 0,
      sizeBytes: backup?.sizeBytes ?? 0,
      mergedInto: backup === undefined || backup.backupId === backupId.slice(0, 8) ? '' : backup.backupId,
    })),
  };
}

/** Everything a repository holds. */
export async function catalogOf(agent: BackupAgent, repository: ReadRepository, signal: AbortSignal): Promise<CatalogResponse> {
  const backups = await opened(agent, repository).catalog(lookContext(signal));
  return {
    entries: backups.map(({ backupId, createdUnixMs, sizeBytes, files, vmId, merged }) => ({
      ...{ backupId, createdUnixMs, sizeBytes, merged: [...merged] },
      files: files.map(({ name }) => name),
      vmId: vmId ?? 0,
    })),
  };
}

/** How full the place is (contract 2.1 `monitor`). */
export async function backupUsage(agent: BackupAgent, repository: ReadRepository, signal: AbortSignal): Promise<BackupUsageResponse> {
  const found = await opened(agent, repository).usage(lookContext(signal));
  if (found === undefined) return { totalBytes: 0, usedBytes: 0, freeBytes: 0, known: false };
  return { totalBytes: found.total, usedBytes: found.used, freeBytes: found.free, known: true };
}

/** Can it be reached and read? */
export async function probeRepository(
  agent: BackupAgent,
  repository: ReadRepository,
  signal: AbortSignal,
): Promise<ProbeRepositoryResponse> {
  const place = opened(agent, repository);
  const context = lookContext(signal);
  const exists = await place.exists(context);
  return { exists, locks: exists ? [...(await place.locks(context))] : [] };
}

/** Virtual size of a disk, once restored (contract 8 `stat`). Error not_found. */
export async function statBackupDisk(
  agent: BackupAgent,
  repository: ReadRepository,
  what: { readonly chain: ChainOf; readonly diskId: string },
  signal: AbortSignal,
): Promise<number> {
  const { files = [] } = await listBackup(agent, repository, { ...what, withDocument: false }, signal);
  const size = Number(files?.[0]?.virtualSizeBytes ?? 0);
  if (size === 0) throw new StorageError('not_found', `the backup has no disk ${what.diskId}`);
  return size;
}
