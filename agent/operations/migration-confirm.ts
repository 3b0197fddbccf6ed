import { StorageError } from '../../runtime/errors.ts';
import type { OperationKind } from '../../runtime/operations/types.ts';
import { locate } from '../backends/file/places.ts';
import { removeArrival } from '../backends/live/arrivals.ts';
import { settleNames } from '../backends/live/migration-names.ts';
import type { AgentContext } from '../context.ts';
import { domainState } from '../tools/virsh.ts';
import { disksAt, domainNamed, GuestDirectoryInput } from './migration-input.ts';
import { placeResources } from './volume-input.ts';

/** The host a guest has come to: it runs here, all that it writes to is in the directory. Then the disks get their usual names. */
export function confirmMigration(agent: AgentContext): OperationKind<GuestDirectoryInput, undefined> {
  return {
    name: 'guest.migration.confirm',
    input: GuestDirectoryInput,
    resources: ({ directory, domain }) => [...placeResources(agent.datastores, directory), `domain:${domain}`],
    async run({ directory, domain }, context) {
      const found = await locate(agent.datastores, directory);
      await context.step('check', async () => {
        const at = domainNamed(agent, domain);
        const where = `from '${directory.path}' in datastore ${directory.datastoreId} on ${agent.hostName}`;
        const disks = await disksAt(at, found, context);
        const away = disks?.outside.find(({ readOnly }) => !readOnly);
        const running = disks !== undefined && disks.inside.length > 0 && (await domainState(at, context)).state !== 'other';
        if (!running) throw new StorageError('conflict', `domain ${domain} does not run ${where}: nothing was removed`);
        if (away !== undefined) {
          throw new StorageError('conflict', `domain ${domain} runs ${where}, but has ${away.file} as ${away.target}: nothing was removed`);
        }
      });
      context.commit();
      await context.step('names', async () => {
        await settleNames(found.path, context.operationId);
      });
      await context.step('arrived', () => removeArrival(agent.stateDirectory, found.path));
      return undefined;
    },
  };
}
