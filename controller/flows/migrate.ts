import { StorageError } from '../../runtime/errors.ts';
import type { WordsOf } from '../../shims/words.ts';
import type { Host } from '../hosts/directory.ts';
import { ACTIVE } from '../opennebula/vm-document.ts';
import type { Flow, FlowTools, Place } from './flow.ts';

interface End {
  readonly host: Host;
  readonly place: Place;
}

/** A VM that changes its place while it runs. */
interface Migration {
  readonly domain: string;
  readonly source: End;
  readonly target: End;
}

/**
 * What the words mean (contract 7.5); undefined: nothing to do, because the VM is off, or stays where it is, or another TM's action calls us
 * for one of its disks (contract 3.4). It may change its datastore as well (7.2): the one before is in the history, of which the document on
 * standard input has the last record alone, so OpenNebula is asked.
 */
async function migrationOf(words: WordsOf<'tm/premigrate'>, tools: FlowTools): Promise<Migration | undefined> {
  if (words.systemTm !== undefined) return undefined;
  const vm = await tools.vm(words.vmId);
  if (vm.state !== ACTIVE) return undefined;
  const place = tools.vmPlace(words.directory, words.vmId);
  const before = vm.history.at(-2)?.datastoreId ?? words.datastoreId;
  const source = { host: tools.host(words.sourceHost), place: { ...place, datastoreId: before } };
  const target = { host: tools.host(words.targetHost), place };
  if (before === place.datastoreId) {
    if (words.sourceHost === words.targetHost || source.host.address === target.host.address) return undefined;
    if (await tools.sameHost(source.host, target.host)) return undefined;
  }
  if (vm.deployId === undefined) throw new StorageError('bad_document', `VM ${vm.id} has no DEPLOY_ID: which domain it is cannot be told`);
  return { domain: vm.deployId, source, target };
}

/** Everything that can stand in the way fails here, before the hypervisor begins; then the target has all but what the guest writes. */
export const premigrate: Flow<'tm/premigrate'> = {
  class: 'move',
  run: async (words, tools) => {
    const migration = await migrationOf(words, tools);
    if (migration === undefined) return '';
    const { domain, source, target } = migration;
    await tools.run(source.host, 'prepare', 'Guests/PrepareMigration', { directory: source.place, domain });
    try {
      await tools.transfer(
        'receive',
        { ...source, format: '', domain },
        { host: target.host, guest: { place: target.place, monitor: tools.monitor } },
      );
    } catch (thrown) {
      // OpenNebula 6.10 calls no failmigrate after a premigrate that failed (contract 1.5).
      if (!tools.signal.aborted) await tools.run(source.host, 'restore', 'Guests/AbandonMigration', { directory: source.place, domain });
      throw thrown;
    }
    return '';
  },
};

/** The source goes only when the domain runs on the target, from there, and uses nothing of the source any more. */
export const postmigrate: Flow<'tm/postmigrate'> = {
  class: 'move',
  run: async (words, tools) => {
    const migration = await migrationOf(words, tools);
    if (migration === undefined) return '';
    const { domain, source, target } = migration;
    await tools.run(target.host, 'confirm', 'Guests/ConfirmMigration', { directory: target.place, domain }, { wait: true });
    await tools.run(source.host, 'finish', 'Guests/FinishMigration', { directory: source.place, domain }, { wait: true });
    return '';
  },
};

/** The source first: the target may be why it failed. */
export const failmigrate: Flow<'tm/failmigrate'> = {
  class: 'move',
  run: async (words, tools) => {
    const migration = await migrationOf(words, tools);
    if (migration === undefined) return '';
    const { domain, source, target } = migration;
    await tools.run(source.host, 'restore', 'Guests/AbandonMigration', { directory: source.place, domain });
    await tools.run(target.host, 'abandon', 'Guests/AbandonMigration', { directory: target.place, domain });
    return '';
  },
};
