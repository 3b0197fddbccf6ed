import { chmod } from 'node:fs/promises';
import path from 'node:path';
import type { OperationContext } from '../../runtime/operations/types.ts';
import type { Located } from '../backends/file/places.ts';
import { assemble } from '../backends/repository/assemble.ts';
import type { ChainOf, RepositoryOf } from '../backends/repository/input.ts';
import { type DiskPlan, isExport, planDisk, spaceFor } from '../backends/repository/plan.ts';
import type { Fetched } from '../origin/fetch.ts';
import { requireSpace } from '../transfer/space.ts';
import { type BackupAgent, limitedContext, openFor } from './backup-input.ts';

export interface BackupDisk {
  readonly repository: RepositoryOf;
  readonly chain: ChainOf;
  readonly diskId: string;
  /** For messages. */
  readonly label: string;
}

/** Temporary names. */
export interface BackupNames {
  /** Of an image that comes in this format. */
  readonly image: (format: 'raw' | 'qcow2') => string;
  readonly increment: string;
}

/**
 * Brings a disk of a backup here, merged and checked, a step a file: raw if it was exported from Ceph, else qcow2. Errors: those of the repository,
 * no_space, not_found.
 */
export async function fetchBackup(
  agent: BackupAgent,
  { repository, chain, diskId, label }: BackupDisk,
  target: Located,
  names: BackupNames,
  context: OperationContext,
): Promise<Fetched> {
  const limited = await limitedContext(agent, repository, context);
  const opened = await openFor(agent, repository, context);
  const nameFor = (plan: DiskPlan): string => names.image(isExport(plan) ? 'raw' : 'qcow2');
  const plan = await context.step('plan', async () => {
    const found = await planDisk(opened, chain, diskId, limited);
    const where = { datastoreId: target.datastoreId, hostName: agent.hostName };
    await requireSpace(path.dirname(nameFor(found)), spaceFor(found), where);
    return found;
  });
  const image = nameFor(plan);
  await assemble(opened, plan, { image, increment: names.increment }, '', context.step, limited);
  // A step of its own: after the publishing, which an attempt before a crash may have reached, the name is gone.
  await context.step('mode', () => chmod(image, 0o644));
  return { path: image, label, ...(isExport(plan) ? { format: 'raw' } : {}) };
}
