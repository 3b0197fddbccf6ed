import type { OperationKind } from '../../runtime/operations/types.ts';
import { locate } from '../backends/file/places.ts';
import { exposeLayer, settleNames } from '../backends/live/migration-names.ts';
import { planNames, writtenDisks } from '../backends/live/migration-plan.ts';
import type { AgentContext } from '../context.ts';
import { domainNamed, GuestDirectoryInput } from './migration-input.ts';
import { locateForUndo, placeResources } from './volume-input.ts';

/**
 * The host that a running guest leaves, before anything goes to the other: all that stands in the way of its migration is an error now. The
 * active layers get names under which OpenNebula's kvm driver takes them along (see the README of backends/live).
 */
export function prepareMigration(agent: AgentContext): OperationKind<GuestDirectoryInput, undefined> {
  return {
    name: 'guest.migration.prepare',
    input: GuestDirectoryInput,
    resources: ({ directory, domain }) => [...placeResources(agent.datastores, directory), `domain:${domain}`],
    async run({ directory, domain }, context) {
      const found = await locate(agent.datastores, directory);
      // What a migration left that nobody ended.
      await context.step('settle', async () => {
        if (await settleNames(found.path, context.operationId))
          context.log('info', 'gave disks back the names an earlier migration changed');
      });
      const changes = await context.step('plan', async () => {
        const at = domainNamed(agent, domain);
        return await planNames(at, await writtenDisks(at, found, context), context);
      });
      for (const change of changes) {
        await context.step(`name ${change.disk}`, () => exposeLayer(found.path, change, context.operationId));
      }
      return undefined;
    },
    async undo({ directory }, { operationId }) {
      const found = await locateForUndo(agent.datastores, directory);
      if (found !== undefined) await settleNames(found.path, operationId);
    },
  };
}
