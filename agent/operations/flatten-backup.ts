import { z } from 'zod';
import type { OperationKind } from '../../runtime/operations/types.ts';
import { dropWork, flatten, makeWork } from '../backends/repository/flatten.ts';
import { ChainInput, RepositoryInput } from '../backends/repository/input.ts';
import { totalBytes } from '../backends/repository/list.ts';
import type { AgentContext, OperationResult } from '../context.ts';
import { secretsOf } from '../origin/secrets.ts';
import { limitedContext, openFor, repositoryResource, undoRepositoryContext, workDirectory } from './backup-input.ts';

const FlattenBackupInput = z.object({
  repository: RepositoryInput,
  vmId: z.number().int().nonnegative(),
  chain: ChainInput,
  keepLast: z.number().int().positive(),
  sparsify: z.boolean(),
});
type FlattenBackupInput = z.infer<typeof FlattenBackupInput>;

/** Merges what is older than the last increments into one full backup (contract 8 `increment_flatten`). Result: chain, its bytes. */
export function flattenBackup(agent: AgentContext): OperationKind<FlattenBackupInput, OperationResult> {
  return {
    name: 'backup.flatten',
    input: FlattenBackupInput,
    resources: ({ repository }) => [repositoryResource(repository)],
    async run({ repository, vmId, chain, keepLast, sparsify }, context) {
      const work = workDirectory(repository, context.operationId);
      const limited = await limitedContext(agent, repository, context);
      const opened = await openFor(agent, repository, context);
      await context.step('make-work', () => makeWork(work));
      const kept = await flatten(opened, { chain, keepLast, vmId, work, sparsify }, context, limited);
      const sizeBytes = await totalBytes(opened, kept, limited);
      secretsOf(agent).drop(context.operationId);
      return { chain: [...kept], sizeBytes };
    },
    async undo({ repository }, context) {
      await dropWork(workDirectory(repository, context.operationId));
      try {
        await (await openFor(agent, repository, context, 0)).takeBack(context.operationId, undoRepositoryContext(context));
      } finally {
        secretsOf(agent).drop(context.operationId);
      }
    },
  };
}
