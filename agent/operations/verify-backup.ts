import { z } from 'zod';
import type { OperationKind } from '../../runtime/operations/types.ts';
import { ChainInput, RepositoryInput } from '../backends/repository/input.ts';
import { verifyChain } from '../backends/repository/verify.ts';
import type { AgentContext, OperationResult } from '../context.ts';
import { secretsOf } from '../origin/secrets.ts';
import { limitedContext, openFor } from './backup-input.ts';

const VerifyBackupInput = z.object({ repository: RepositoryInput, chain: ChainInput });
type VerifyBackupInput = z.infer<typeof VerifyBackupInput>;

/** Reads a chain back and compares it with the checksums of the time of the backup. Result: bytes that were read. */
export function verifyBackup(agent: AgentContext): OperationKind<VerifyBackupInput, OperationResult> {
  return {
    name: 'backup.verify',
    input: VerifyBackupInput,
    resources: () => [],
    async run({ repository, chain }, context) {
      try {
        const limited = await limitedContext(agent, repository, context);
        return { sizeBytes: await verifyChain(await openFor(agent, repository, context), chain, context.step, limited) };
      } finally {
        secretsOf(agent).drop(context.operationId);
      }
    },
  };
}
