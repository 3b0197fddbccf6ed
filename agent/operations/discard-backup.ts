import { asStorageError } from '../../runtime/errors.ts';
import type { OperationContext, OperationKind } from '../../runtime/operations/types.ts';
import { commitLeftOverlays, commitLeftOverlaysOff } from '../backends/backup/left-overlays.ts';
import { removeStaged, stagedDirectory } from '../backends/backup/staging.ts';
import { locate } from '../backends/file/places.ts';
import type { AgentContext } from '../context.ts';
import { domainOf } from './guest-input.ts';
import { type BackupVmInput, backupResources, disksOf, BackupVmInput as Input } from './stage-backup.ts';

/**
 * Removes what was staged: postbackup, postbackup_live (contract 7.3). It runs after failures as well as after successes, so bitmaps and
 * snapshots stay: whether the backup is stored is told by OpenNebula, at the next one.
 */
export function discardBackup(agent: AgentContext): OperationKind<BackupVmInput, undefined> {
  return {
    name: 'backup.discard',
    input: Input,
    resources: (input) => backupResources(agent, input),
    async run(input, context) {
      const staged = await stagedDirectory(agent, input.directory);
      context.commit();
      // First: it needs no libvirt, and the space is wanted back whatever libvirt says.
      await context.step('remove', () => removeStaged(staged));
      await context.step('settle', () => settle(agent, input, context));
      return undefined;
    },
  };
}

async function settle(agent: AgentContext, input: BackupVmInput, context: OperationContext): Promise<void> {
  const { path: vmDirectory } = await locate(agent.datastores, input.directory);
  if (input.domain === '') return await commitLeftOverlaysOff(vmDirectory, await disksOf(agent, input), context);
  await commitLeftOverlays(domainOf(agent, input), vmDirectory, input.vmId, context).catch((thrown: unknown) => {
    // A guest that has ended meanwhile writes to nothing.
    if (asStorageError(thrown).reason !== 'not_found') throw thrown;
  });
}
