import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import { diskOf, resolveChain } from './chain.ts';
import { readThrough } from './fetch.ts';
import type { ChainOf } from './input.ts';
import { sizeOfExport } from './rbd-chain.ts';
import type { Repository, RepositoryContext } from './repository.ts';

interface Read {
  readonly sizeBytes: number;
  /** What is wrong; empty: nothing. */
  readonly problem: string;
}

/**
 * Reads every file of a chain back and compares it with the checksums of the time of the backup; those without one are read all the same, since
 * restic keeps checksums of its own. An export of Ceph must be one to its end. All files are read before the first problem is an error: bad_checksum.
 * Gives the bytes that were read.
 */
export async function verifyChain(
  repository: Repository,
  chain: ChainOf,
  step: OperationContext['step'],
  context: RepositoryContext,
): Promise<number> {
  const links = resolveChain(await repository.catalog(context), chain, repository.label);
  const problems: string[] = [];
  let sizeBytes = 0;
  for (const { id, backup } of links) {
    const files = await repository.files(backup.backupId, context);
    for (const file of files) {
      if (diskOf(file.name) === undefined && file.name !== 'vm.xml') continue;
      if (file.sha256 === undefined)
        context.log('warn', `increment ${id}: no checksum was taken of ${file.name}, or it was rewritten since`);
      const read = await step(`read-${backup.backupId}-${file.name}`, () =>
        readOne(repository, { backupId: backup.backupId, file }, context),
      );
      sizeBytes += read.sizeBytes;
      if (read.problem !== '') problems.push(`increment ${id}: ${read.problem}`);
    }
  }
  if (problems.length > 0) throw new StorageError('bad_checksum', problems.join('; '));
  return sizeBytes;
}

async function readOne(repository: Repository, wanted: Parameters<typeof readThrough>[1], context: RepositoryContext): Promise<Read> {
  try {
    if (diskOf(wanted.file.name)?.format === 'rbd') await sizeOfExport(repository, wanted, context);
    else await readThrough(repository, wanted, context);
    return { sizeBytes: wanted.file.sizeBytes, problem: '' };
  } catch (thrown) {
    const error = asStorageError(thrown);
    if (error.reason !== 'bad_checksum' && error.reason !== 'repository_damaged') throw error;
    context.log('error', error.message);
    return { sizeBytes: 0, problem: error.message };
  }
}
