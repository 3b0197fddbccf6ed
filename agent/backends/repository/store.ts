import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import { diskOf } from './chain.ts';
import { factsOf } from './facts.ts';
import type { Repository, RepositoryContext } from './repository.ts';
import { retried } from './retry.ts';

export interface Staged {
  readonly names: readonly string[];
  readonly sizeBytes: number;
  /** OpenNebula's FORMAT of the backup image. */
  readonly format: 'raw' | 'rbd';
}

const VM = 'vm.xml';

/**
 * What a staged directory holds (contract 7.2): vm.xml and `disk.<id>.<increment>`. Errors: not_found for a disk that should be there,
 * conflict for what is no plain file.
 */
export async function readStaged(directory: string, diskIds: readonly number[], increment: number): Promise<Staged> {
  const all = await readdir(directory).catch((thrown: unknown) => {
    throw asStorageError(thrown, 'the staged backup');
  });
  const names = all.filter((name) => name === VM || diskOf(name) !== undefined).sort();
  if (!names.includes(VM)) throw new StorageError('not_found', `${directory} has no ${VM}: the backup was not staged`);
  for (const id of diskIds) {
    const ofDisk = names.filter((name) => diskOf(name)?.diskId === String(id));
    const wanted = increment === 0 ? [`disk.${id}.0`, `disk.${id}.rbd2`] : [`disk.${id}.${increment}`, `disk.${id}.${increment}.rbdiff`];
    if (!ofDisk.some((name) => wanted.includes(name))) {
      throw new StorageError('not_found', `${directory} has no disk.${id}.${increment}: the backup was not staged whole`);
    }
  }
  if (!names.some((name) => diskOf(name) !== undefined)) throw new StorageError('not_found', `${directory} has no disks`);
  let sizeBytes = 0;
  for (const name of names) {
    const found = await lstat(path.join(directory, name));
    if (!found.isFile()) throw new StorageError('conflict', `${path.join(directory, name)} is not a plain file`);
    sizeBytes += found.size;
  }
  return { names, sizeBytes, format: names.some((name) => diskOf(name)?.format === 'rbd') ? 'rbd' : 'raw' };
}

export interface StorePlan {
  readonly directory: string;
  readonly vmId: number;
  readonly merged: readonly string[];
  /** Names of the staged files, and what they take together. */
  readonly staged: Staged;
}

/** Checksums and upload; both are steps. */
export async function store(
  repository: Repository,
  { directory, vmId, merged, staged }: StorePlan,
  operation: Pick<OperationContext, 'step' | 'operationId' | 'attempt'>,
  context: RepositoryContext,
): Promise<{ readonly backupId: string; readonly sizeBytes: number }> {
  const { step, operationId, attempt } = operation;
  const { names, sizeBytes } = staged;
  await step('prepare', () => repository.prepare(sizeBytes, context));
  const files = await step('checksum', () => factsOf(directory, names, context));
  const upload = { directory, files, vmId, operationId, merged };
  // It was reached a moment ago.
  const put = (again: boolean): Promise<string> => repository.put({ ...upload, again: again || attempt > 1 }, context);
  const backupId = await step('upload', () => (repository.retries ? retried(put, context) : put(false)));
  return { backupId, sizeBytes };
}
