import { lstat, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import { check } from '../../tools/qemu-img.ts';
import { sparsify } from '../../tools/virt-sparsify.ts';
import { flush } from '../file/stage.ts';
import { assemble } from './assemble.ts';
import { diskOf, resolveChain } from './chain.ts';
import { fetchFile } from './fetch.ts';
import type { ChainOf } from './input.ts';
import { type DiskPlan, isExport, planDisks } from './plan.ts';
import type { Backup, Repository, RepositoryContext } from './repository.ts';
import { readStaged, store } from './store.ts';

export interface FlattenPlan {
  readonly chain: ChainOf;
  readonly keepLast: number;
  readonly vmId: number;
  /** The operation's own directory, absolute; it may not exist yet. */
  readonly work: string;
  /** Leave out what the guests' file systems do not use. */
  readonly sparsify: boolean;
}

/** The increments that become one, and those that stay. */
function splitChain(chain: ChainOf, keepLast: number): { readonly merge: ChainOf; readonly keep: ChainOf } {
  const at = chain.length - Math.max(1, keepLast) + 1;
  return { merge: chain.slice(0, Math.max(0, at)), keep: chain.slice(Math.max(0, at)) };
}

/**
 * Merges the older part of a chain into one full backup. The merged one is stored, compared and says what it replaces before anything is removed,
 * so the old chain's ids lead to it from then on, whoever still has them (resolveChain).
 */
export async function flatten(
  repository: Repository,
  plan: FlattenPlan,
  context: OperationContext,
  limited: RepositoryContext,
): Promise<ChainOf> {
  const { merge, keep } = splitChain(plan.chain, plan.keepLast);
  const top = merge.at(-1);
  if (merge.length < 2 || top === undefined) {
    await dropWork(plan.work);
    return plan.chain;
  }
  const links = resolveChain(await repository.catalog(limited), merge, repository.label);
  const last = links.at(-1);
  if (last === undefined) throw new StorageError('internal', 'nothing to merge');
  // An earlier call came as far as this, and whoever asked did not hear of it.
  if (links.length === 1 && context.attempt === 1) {
    await dropWork(plan.work);
    await context.step('remove-left', () => repository.remove(present(merge, last.backup), limited));
    return [{ id: top.id, backupId: last.backup.backupId }, ...keep];
  }
  const directory = path.join(plan.work, String(plan.vmId), 'backup');
  await context.step('work', () => mkdir(directory, { recursive: true, mode: 0o700 }).then(() => undefined));
  const ids = [...new Set(last.backup.files.flatMap(({ name }) => diskOf(name)?.diskId ?? []))];
  const disks = await context.step('plan', () => planDisks(repository, merge, ids, { directory, purpose: 'to merge increments' }, limited));
  const exported = disks.find(isExport);
  if (exported !== undefined) {
    const text = `disk ${exported.diskId} at ${repository.label} was exported from Ceph, and its increments cannot be merged`;
    throw new StorageError('unsupported', `${text}; make the next backup a full one (onestorage backups reset)`);
  }
  for (const disk of disks) {
    const paths = { image: path.join(directory, nameOf(disk)), increment: path.join(plan.work, 'increment') };
    await assemble(repository, disk, paths, `${disk.diskId}-`, context.step, limited);
    if (plan.sparsify && disk.diskId !== 'tpm')
      await context.step(`${disk.diskId}-sparsify`, () => makeSparse(paths.image, disk.diskId, plan.work, limited));
  }
  const vm = await context.step('vm', () => fetchVm(repository, last.backup, directory, limited));
  const staged = await context.step('look', () => readStaged(directory, [], top.id));
  if (!vm) throw new StorageError('not_found', `backup ${last.backup.backupId} at ${repository.label} has no vm.xml`);
  const merged = merge.map(({ backupId }) => backupId.slice(0, 8));
  const { backupId } = await store(repository, { directory, vmId: plan.vmId, merged, staged }, context, limited);
  context.commit();
  await dropWork(plan.work);
  await context.step('remove', () => repository.remove(merged, limited));
  return [{ id: top.id, backupId }, ...keep];
}

/** What cannot be made sparse is stored as it is: a disk may have no file system that libguestfs knows. */
async function makeSparse(image: string, diskId: string, work: string, context: RepositoryContext): Promise<void> {
  try {
    await sparsify(image, work, context);
  } catch (thrown) {
    if (context.signal.aborted) throw thrown;
    context.log('warn', `disk ${diskId}: what the guest has deleted stays in the merged backup: ${asStorageError(thrown).message}`);
  }
  const { corruptions } = await check(image, context);
  if (corruptions > 0) throw new StorageError('bad_image', `disk ${diskId} was damaged by virt-sparsify; nothing is replaced`);
  await flush(image);
}

/** Ids of the chain that are backups of their own still: a crash came before they were removed. */
function present(merge: ChainOf, into: Backup): readonly string[] {
  return merge.map(({ backupId }) => backupId.slice(0, 8)).filter((id) => id !== into.backupId && into.merged.includes(id));
}

/** The name the disk has in the last increment: what is merged stands in its place. */
function nameOf({ parts, diskId }: DiskPlan): string {
  return parts.at(-1)?.file.name ?? `disk.${diskId}.0`;
}

async function fetchVm(repository: Repository, { backupId }: Backup, directory: string, context: RepositoryContext): Promise<boolean> {
  const file = (await repository.files(backupId, context)).find(({ name }) => name === 'vm.xml');
  if (file === undefined) return false;
  await fetchFile(repository, { backupId, file }, path.join(directory, 'vm.xml'), context);
  return true;
}

/** Makes the operation's own directory. Error conflict when somebody else has put something there. */
export async function makeWork(work: string): Promise<void> {
  try {
    await mkdir(work, { recursive: false, mode: 0o700 });
  } catch (thrown) {
    const error = asStorageError(thrown, work);
    if (error.reason !== 'already_exists') throw error;
    const found = await lstat(work);
    if (!found.isDirectory() || found.uid !== process.getuid?.())
      throw new StorageError('conflict', `${work} is not a directory of this agent`);
  }
}

/** Removes it with all that is in it. Not there: fine. */
export async function dropWork(work: string): Promise<void> {
  try {
    await rm(work, { recursive: true, force: true });
  } catch (thrown) {
    throw asStorageError(thrown, `remove ${work}`);
  }
}
