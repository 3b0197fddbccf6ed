import { StorageError } from '../../../runtime/errors.ts';
import { formatBytes } from '../../../runtime/units.ts';
import { freeBytes } from '../../transfer/space.ts';
import { diskOf, linksOf, resolveChain } from './chain.ts';
import type { Wanted } from './fetch.ts';
import type { ChainOf } from './input.ts';
import type { Repository, RepositoryContext } from './repository.ts';

/** What must be read to have one disk as it was at the end of a chain: full first. JSON: stands in journals. */
export interface DiskPlan {
  readonly diskId: string;
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
  const kinds = new Set(links.map(({ name }) => diskOf(name)?.format));
  if (kinds.size > 1) {
    throw new StorageError(
      'broken_chain',
      `of disk ${diskId} at ${repository.label} some increments are exports of Ceph, and some are not`,
    );
  }
  return { diskId, parts };
}

/** Was it exported from Ceph? Then it becomes a raw image, everything else is qcow2. */
export function isExport({ parts }: DiskPlan): boolean {
  return parts.some(({ file }) => diskOf(file.name)?.format === 'rbd');
}

/** Of several disks at once, and whether a directory has the space for all of them. Error no_space. */
export async function planDisks(
  repository: Repository,
  chain: ChainOf,
  diskIds: readonly string[],
  { directory, purpose }: { readonly directory: string; readonly purpose: string },
  context: RepositoryContext,
): Promise<readonly DiskPlan[]> {
  const plans: DiskPlan[] = [];
  for (const diskId of diskIds) plans.push(await planDisk(repository, chain, diskId, context));
  const needs = plans.reduce((sum, plan) => sum + spaceFor(plan), 0);
  const free = await freeBytes(directory);
  if (needs <= free) return plans;
  const figures = `(needs ${formatBytes(needs)}, has ${formatBytes(free)})`;
  throw new StorageError('no_space', `no space left in ${directory} ${purpose} ${figures}`);
}

/**
 * Bytes that are needed for it at most: the full backup, which grows by what is merged into it, and one increment, unless those are merged as they
 * come.
 */
export function spaceFor(plan: DiskPlan): number {
  const sizes = plan.parts.map(({ file }) => file.sizeBytes);
  return sizes.reduce((sum, size) => sum + size, 0) + (isExport(plan) ? 0 : Math.max(0, ...sizes.slice(1)));
}
