import type { OperationKind } from '../../runtime/operations/types.ts';
import { locate } from '../backends/file/places.ts';
import { removeVolume } from '../backends/file/remove.ts';
import { arrivalsIn, forgetArrival } from '../backends/live/arrivals.ts';
import { settleNames } from '../backends/live/migration-names.ts';
import type { AgentContext } from '../context.ts';
import { GuestDirectoryInput, mustBeUnused } from './migration-input.ts';
import { placeResources } from './volume-input.ts';

/**
 * After a migration that failed, on either host: a directory that was made for the guest goes when nothing uses it; where the guest stayed, its
 * disks get their names back. A directory that no migration made is left alone.
 */
export function abandonMigration(agent: AgentContext): OperationKind<GuestDirectoryInput, undefined> {
  return {
    name: 'guest.migration.abandon',
    input: GuestDirectoryInput,
    resources: ({ directory, domain }) => [...placeResources(agent.datastores, directory), `domain:${domain}`],
    async run({ directory, domain }, context) {
      const found = await locate(agent.datastores, directory);
      const made = await context.step('look', async () => (await arrivalsIn(found.path)).length > 0);
      if (!made) {
        await context.step('names', async () => {
          await settleNames(found.path, context.operationId);
          // OpenNebula's own migrate script may have removed what was made for the guest.
          await forgetArrival(agent.stateDirectory, found.path);
        });
        return undefined;
      }
      await mustBeUnused(agent, { place: directory, domain }, context);
      await removeVolume(found, 'disk', context);
      await context.step('forget', () => forgetArrival(agent.stateDirectory, found.path));
      return undefined;
    },
  };
}
