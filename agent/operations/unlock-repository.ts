import { z } from 'zod';
import type { OperationKind } from '../../runtime/operations/types.ts';
import { RepositoryInput } from '../backends/repository/input.ts';
import type { AgentContext, OperationResult } from '../context.ts';
import { secretsOf } from '../origin/secrets.ts';
import { limitedContext, openFor } from './backup-input.ts';

const UnlockRepositoryInput = z.object({ repository: RepositoryInput });
type UnlockRepositoryInput = z.infer<typeof UnlockRepositoryInput>;

/** Removes locks of processes that are dead, and no others. */
export function unlockRepository(agent: AgentContext): OperationKind<UnlockRepositoryInput, OperationResult> {
  return {
    name: 'repository.unlock',
    input: UnlockRepositoryInput,
    resources: () => [],
    async run({ repository }, context) {
      try {
        const limited = await limitedContext(agent, repository, context);
        const opened = await openFor(agent, repository, context);
        await context.step('unlock', () => opened.unlock(limited));
        return {};
      } finally {
        secretsOf(agent).drop(context.operationId);
      }
    },
  };
}
