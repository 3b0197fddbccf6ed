import { StorageError } from '../../../runtime/errors.ts';
import { diskOf, linksOf, resolveChain } from './chain.ts';
import type { Wanted } from './fetch.ts';
import type { ChainOf } from './input.ts';
import type { Repository, RepositoryContext } from './repository.ts';

/** What must be read to have one disk as it was at the end of a chain: full first. JSON: stands in journals. */
export interface DiskPlan {
  readonly diskId: string;
  readonly format: 'raw' | 'rbd';
  readonly parts: readonly Wanted[];
}

/** Changes nothing. Errors: not_found, broken_chain, and those of the repository. */
export async function planDisk(repository: Repository, chain: ChainOf, diskId: string, context: RepositoryContext): Promise<DiskPlan> {
  const links = linksOf(resolveChain(await repository.catalog(context), chain, repository.label), diskId, repository.label);
  const parts: Wanted[] = [];
  for (const { backup, name } of links) {
    const files = await repository.files(backup.backupId, context);
    const file = files.find((each) => each.name === name);
    if (file === undefined) throw new StorageError('not_found', `backup ${backup.backupId} at ${repository.label} does not have ${name}`);
    parts.push({ backupId: backup.backupId, file });
  }
  const format = links.some(({ name }) => diskOf(name)?.format === 'rbd') ? 'rbd' : 'raw';
  return { diskId, format, parts };
}

/** Bytes that are needed for it at most: the full backup, which grows by what is merged into it, and one increment. */
export function spaceFor({ parts }: DiskPlan): number {
  const sizes = parts.map(({ file }) => file.sizeBytes);
  return sizes.reduce((sum, size) => sum + size, 0) + Math.max(0, ...sizes.slice(1));
}
