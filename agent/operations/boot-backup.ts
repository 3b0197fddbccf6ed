import path from 'node:path';
import { z } from 'zod';
import type { OperationKind } from '../../runtime/operations/types.ts';
import { assemble } from '../backends/repository/assemble.ts';
import { dropWork, makeWork } from '../backends/repository/flatten.ts';
import { waitForLife } from '../backends/repository/guest-life.ts';
import { ChainInput, RepositoryInput } from '../backends/repository/input.ts';
import { isExport, planDisks } from '../backends/repository/plan.ts';
import type { AgentContext, OperationResult } from '../context.ts';
import { secretsOf } from '../origin/secrets.ts';
import { requireProgram } from '../tools/programs.ts';
import { limitedContext, openFor, workDirectory } from './backup-input.ts';

export const BootBackupInput = z.object({
  repository: RepositoryInput,
  chain: ChainInput,
  /** The one to boot from first. */
  disks: z.array(z.object({ diskId: z.number().int().nonnegative(), bus: z.enum(['virtio', 'scsi', 'ide']) })).min(1),
  memoryBytes: z.number().int().positive(),
  machine: z.enum(['pc', 'q35']),
  limitSeconds: z.number().int().positive(),
});
export type BootBackupInput = z.infer<typeof BootBackupInput>;

/** Restores disks into the work directory and boots them there. Result: bytes that were read, what of the guest answered. Nothing stays. */
export function bootBackup(agent: AgentContext): OperationKind<BootBackupInput, OperationResult> {
  return {
    name: 'backup.boot',
    input: BootBackupInput,
    resources: () => [],
    async run({ repository, chain, disks, memoryBytes, machine, limitSeconds }, context) {
      try {
        await requireProgram('qemu-system-x86_64');
        const work = workDirectory(repository, context.operationId);
        const limited = await limitedContext(agent, repository, context);
        const opened = await openFor(agent, repository, context);
        await context.step('make-work', () => makeWork(work));
        const ids = disks.map(({ diskId }) => String(diskId));
        const where = { directory: work, purpose: 'to boot the backup' };
        const plans = await context.step('plan', () => planDisks(opened, chain, ids, where, limited));
        const increment = path.join(work, 'increment');
        for (const plan of plans) {
          const image = path.join(work, `disk.${plan.diskId}`);
          await assemble(opened, plan, { image, increment }, `${plan.diskId}-`, context.step, limited);
        }
        const exported = new Set(plans.filter(isExport).map(({ diskId }) => diskId));
        const booted = disks.map(({ diskId, bus }) => {
          const format = exported.has(String(diskId)) ? ('raw' as const) : ('qcow2' as const);
          return { file: path.join(work, `disk.${diskId}`), format, bus };
        });
        const guest = { type: machine, memoryBytes, disks: booted, directory: work };
        const answeredBy = await context.step('boot', () => waitForLife(guest, limitSeconds * 1000, limited));
        await dropWork(work);
        const files = plans.flatMap(({ parts }) => parts.map(({ file }) => file.sizeBytes));
        return { sizeBytes: files.reduce((sum, size) => sum + size, 0), answeredBy };
      } finally {
        secretsOf(agent).drop(context.operationId);
      }
    },
    undo: ({ repository }, context) => dropWork(workDirectory(repository, context.operationId)),
  };
}
