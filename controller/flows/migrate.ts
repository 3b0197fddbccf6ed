import { StorageError } from '../../runtime/errors.ts';
import type { WordsOf } from '../../shims/words.ts';
import { ACTIVE } from '../opennebula/vm-document.ts';
import type { Flow, FlowTools } from './flow.ts';

/** Nothing to do: the VM is off, or it stays where it is, or another TM's action calls us for one of its disks (contract 3.4, 7.5). */
function migrate(words: WordsOf<'tm/premigrate'>, tools: FlowTools): Promise<string> {
  if (words.systemTm !== undefined) return Promise.resolve('');
  const vm = tools.vmDocument();
  const before = vm.history.at(-2)?.datastoreId;
  const sameDatastore = before === undefined || before === words.datastoreId;
  if (vm.state !== ACTIVE || (words.sourceHost === words.targetHost && sameDatastore)) return Promise.resolve('');
  throw new StorageError(
    'unsupported',
    `VM ${words.vmId} is running: its local disks cannot be migrated live yet; power it off and migrate`,
  );
}

export const premigrate: Flow<'tm/premigrate'> = { class: 'move', run: async (words, tools) => await migrate(words, tools) };
export const postmigrate: Flow<'tm/postmigrate'> = { class: 'move', run: async (words, tools) => await migrate(words, tools) };
/** Nothing was begun, so nothing is taken back. */
export const failmigrate: Flow<'tm/failmigrate'> = { class: 'move', run: () => Promise.resolve('') };
