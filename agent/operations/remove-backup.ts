import { z } from 'zod';
import type { OperationKind } from '../../runtime/operations/types.ts';
import { RepositoryInput } from '../backends/repository/input.ts';
import type { AgentContext, OperationResult } from '../context.ts';
import { secretsOf } from '../origin/secrets.ts';
import { limitedContext, openFor, repositoryResource } from './backup-input.ts';

const RemoveBackupInput = z.object({ repository: RepositoryInput, backupIds: z.array(z.string()) });
type RemoveBackupInput = z.infer<typeof RemoveBackupInput>;

/** Removes backups and gives their space back (contract 8 `rm`). Not there: success. */
export function removeBackup(agent: AgentContext): OperationKind<RemoveBackupInput, OperationResult> {
  return {
    name: 'backup.remove',
    input: RemoveBackupInput,
    resources: ({ repository }) => [repositoryResource(repository)],
    async run({ repository, backupIds }, context) {
      try {
        const limited = await limitedContext(agent, repository, context);
        const opened = await openFor(agent, repository, context);
        await context.step('remove', async () => {
          const catalog = await opened.catalog(limited);
          // An id that was merged means what it was merged into: whoever names it means the whole chain.
          const named = new Set(backupIds.map((id) => id.slice(0, 8)));
          const there = catalog.filter(({ backupId, merged }) => named.has(backupId) || merged.some((id) => named.has(id)));
          if (there.length > 0)
            await opened.remove(
              there.map(({ backupId }) => backupId),
              limited,
            );
        });
        return {};
      } finally {
        secretsOf(agent).drop(context.operationId);
      }
    },
  };
}
