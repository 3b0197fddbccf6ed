import path from 'node:path';
import { z } from 'zod';
import type { OperationKind } from '../../runtime/operations/types.ts';
import { stagedDirectory } from '../backends/backup/staging.ts';
import { datastoreRoot, locate, PlaceInput, pathWords } from '../backends/file/places.ts';
import { mustHave } from '../backends/repository/chain.ts';
import { ChainInput, RepositoryInput } from '../backends/repository/input.ts';
import { readStaged, store } from '../backends/repository/store.ts';
import type { AgentContext, OperationResult } from '../context.ts';
import { secretsOf } from '../origin/secrets.ts';
import { limitedContext, openFor, undoRepositoryContext } from './backup-input.ts';

const StoreBackupInput = z.object({
  repository: RepositoryInput,
  vmId: z.number().int().nonnegative(),
  source: PlaceInput,
  diskIds: z.array(z.number().int().nonnegative()),
  increment: z.number().int().nonnegative(),
  follows: ChainInput,
});
type StoreBackupInput = z.infer<typeof StoreBackupInput>;

/** Where prebackup has put it: BACKUP_BASE_PATH of the host, else the directory of the VM. Throws outside_datastore. */
async function stagedAt(agent: AgentContext, source: StoreBackupInput['source']): Promise<string> {
  const vm = /^(\d+)\/backup$/u.exec(source.path)?.[1];
  if (vm !== undefined) return await stagedDirectory(agent, { ...source, path: vm });
  return (await locate(agent.datastores, source)).path;
}

/** Sends a staged backup to its repository (contract 1.5 `ds backup`, 7.2). Result: backup id, bytes, format. */
export function storeBackup(agent: AgentContext): OperationKind<StoreBackupInput, OperationResult> {
  return {
    name: 'backup.store',
    input: StoreBackupInput,
    resources: ({ source, repository, vmId }) => [
      `path:${path.join(datastoreRoot(agent.datastores, source.datastoreId), ...pathWords(source.path))}`,
      `backup:${repository.datastoreId}/${repository.directory}/${vmId}`,
    ],
    async run({ repository, vmId, source, diskIds, increment, follows }, context) {
      const directory = await stagedAt(agent, source);
      const limited = await limitedContext(agent, repository, context);
      const opened = await openFor(agent, repository, context);
      const staged = await context.step('look', () => readStaged(directory, diskIds, increment));
      // An increment without those before it is worth nothing: they are looked for before it is sent, not when it is needed.
      if (follows.length > 0) await context.step('chain', async () => mustHave(await opened.catalog(limited), follows));
      const { backupId, sizeBytes } = await store(opened, { directory, vmId, merged: [], staged }, context, limited);
      context.commit();
      secretsOf(agent).drop(context.operationId);
      return { backupId, sizeBytes, format: staged.format };
    },
    async undo({ repository }, context) {
      try {
        await (await openFor(agent, repository, context, 0)).takeBack(context.operationId, undoRepositoryContext(context));
      } finally {
        secretsOf(agent).drop(context.operationId);
      }
    },
  };
}
