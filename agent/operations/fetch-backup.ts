import { chmod } from 'node:fs/promises';
import path from 'node:path';
import type { OperationContext } from '../../runtime/operations/types.ts';
import type { Located } from '../backends/file/places.ts';
import { assemble } from '../backends/repository/assemble.ts';
import type { ChainOf, RepositoryOf } from '../backends/repository/input.ts';
import { planDisk, spaceFor } from '../backends/repository/plan.ts';
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

/** Brings a disk of a backup into `names.stage`, merged and checked, a step a file. Errors: those of the repository, no_space, not_found. */
export async function fetchBackup(
  agent: BackupAgent,
  { repository, chain, diskId, label }: BackupDisk,
  target: Located,
  names: { readonly stage: string; readonly increment: string },
  context: OperationContext,
): Promise<Fetched> {
  const limited = await limitedContext(agent, repository, context);
  const opened = await openFor(agent, repository, context);
  const plan = await context.step('plan', async () => {
    const found = await planDisk(opened, chain, diskId, limited);
    const where = { datastoreId: target.datastoreId, hostName: agent.hostName };
    await requireSpace(path.dirname(names.stage), spaceFor(found), where);
    return found;
  });
  await assemble(opened, plan, { image: names.stage, increment: names.increment }, '', context.step, limited);
  // A step of its own: after the publishing, which an attempt before a crash may have reached, the name is gone.
  await context.step('mode', () => chmod(names.stage, 0o644));
  return { path: names.stage, label };
}
