import type { OperationKind } from '../../runtime/operations/types.ts';
import { removeVolume } from '../backends/file/remove.ts';
import type { AgentContext } from '../context.ts';
import { GuestDirectoryInput, mustBeUnused } from './migration-input.ts';
import { placeResources } from './volume-input.ts';

/** The host a guest has left: its directory goes, unless the guest, or anybody else, has a file of it open. Not there: success. */
export function finishMigration(agent: AgentContext): OperationKind<GuestDirectoryInput, undefined> {
  return {
    name: 'guest.migration.finish',
    input: GuestDirectoryInput,
    resources: ({ directory, domain }) => [...placeResources(agent.datastores, directory), `domain:${domain}`],
    async run({ directory, domain }, context) {
      const found = await mustBeUnused(agent, { place: directory, domain }, context);
      await removeVolume(found, 'disk', context);
      return undefined;
    },
  };
}
