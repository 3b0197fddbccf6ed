import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { ActionName } from '../../shims/actions.ts';
import type { WordsOf } from '../../shims/words.ts';
import { limitsOf } from '../backups/repository.ts';
import { datastoreRecord } from '../opennebula/action-data.ts';
import type { VmDocument } from '../opennebula/vm-document.ts';
import { diskOf, formatOfDisk } from './disks.ts';
import type { Flow, FlowTools } from './flow.ts';
import { quietOf } from './guests.ts';

type Words = WordsOf<'tm/prebackup'>;

/** What belongs to one backup of a VM, from staging to upload. */
const BACKUP_ACTIONS = ['tm/prebackup', 'tm/prebackup_live', 'ds/backup'] as const satisfies readonly ActionName[];

/** How the next increment learns what changed; a full backup asks for nothing. Throws bad_document. */
function trackingOf({ id, backup }: VmDocument): 'none' | 'bitmap' {
  const { mode, incrementMode } = backup;
  if (mode === 'FULL') return 'none';
  // Both are the same for who reads the increments; SNAPSHOT is done by bitmaps, too (agent/backends/backup/README.md).
  if (mode === 'INCREMENT' && (incrementMode === 'CBT' || incrementMode === 'SNAPSHOT')) return 'bitmap';
  const [name, text] = mode === 'INCREMENT' ? ['INCREMENT_MODE', incrementMode] : ['MODE', mode];
  const known = mode === 'INCREMENT' ? 'CBT and SNAPSHOT' : 'FULL and INCREMENT';
  throw new StorageError('bad_document', `${name} of the backups of VM ${id} is ${JSON.stringify(text.slice(0, 40))}; ${known} are known`);
}

/** The disks that the words name, as the document has them; a CDROM holds nothing of its own. */
function disksOf(words: Words, vm: VmDocument): { readonly diskId: number; readonly format: string }[] {
  const all = words.disks.map((id) => diskOf(vm, `disk.${id}`));
  return all.filter(({ cdrom }) => !cdrom).map((disk) => ({ diskId: disk.diskId, format: formatOfDisk(vm, disk) }));
}

function about(words: Words, tools: FlowTools, vm: VmDocument, live: boolean) {
  if (vm.id !== words.vmId) throw new StorageError('bad_document', `standard input is about VM ${vm.id}, the words about VM ${words.vmId}`);
  const directory = tools.vmPlace(words.directory.path, words.vmId);
  return { directory, disks: disksOf(words, vm), domain: live ? words.deployId : '', vmId: words.vmId };
}

type Limits = Partial<ReturnType<typeof limitsOf>>;

/** Of the datastore the backup is for, which OpenNebula has written down by then. A backup without limits is better than none. */
async function limitsFor({ id, backup }: VmDocument, tools: FlowTools): Promise<Limits> {
  if (backup.datastoreId === undefined) return {};
  try {
    return limitsOf(datastoreRecord(await tools.datastore(backup.datastoreId)));
  } catch (thrown) {
    const error = asStorageError(thrown);
    if (error.reason !== 'not_found' && error.reason !== 'opennebula_unavailable') throw error;
    tools.log('warn', `VM ${id} is staged without the limits of datastore ${backup.datastoreId}: ${error.message}`);
    return {};
  }
}

/** The smaller of two rates; 0: no limit. */
const slower = (one: number, other: number): number => (one === 0 || other === 0 ? one + other : Math.min(one, other));

async function stage(words: Words, tools: FlowTools, live: boolean): Promise<string> {
  const host = tools.host(words.directory.host);
  const vm = tools.vmDocument();
  const tracking = trackingOf(vm);
  const request = about(words, tools, vm, live);
  const limits = await limitsFor(vm, tools);
  await tools.run(host, 'stage', 'Staging/Stage', {
    ...request,
    // OpenNebula's word is what the increment builds on: it has stored the last one, or it has not (contract 7.2).
    incrementId: tracking === 'none' ? 0 : vm.backup.lastIncrementId + 1,
    tracking,
    quiet: live ? quietOf(vm) : 'none',
    document: tools.inputText(),
    tpm: vm.tpm,
    bytesPerSecond: slower(tools.bytesPerSecond, limits.bytesPerSecond ?? 0),
    // An agent that does not know of limits may do what has none.
    ...(Object.values(limits).some((limit) => limit !== 0) ? { limits } : {}),
  });
  return '';
}

async function discard(words: Words, tools: FlowTools, live: boolean): Promise<string> {
  await tools.run(tools.host(words.directory.host), 'discard', 'Staging/Discard', about(words, tools, tools.vmDocument(), live));
  return '';
}

export const prebackup: Flow<'tm/prebackup'> = { class: 'backup', run: (words, tools) => stage(words, tools, false) };
export const prebackupLive: Flow<'tm/prebackup_live'> = { class: 'backup', run: (words, tools) => stage(words, tools, true) };
export const postbackup: Flow<'tm/postbackup'> = { class: 'delete', run: (words, tools) => discard(words, tools, false) };
export const postbackupLive: Flow<'tm/postbackup_live'> = { class: 'delete', run: (words, tools) => discard(words, tools, true) };

/**
 * Stops what is under way of the backup of a VM; then it fails as any other backup does, and oned calls postbackup (contract 7.4). Nothing
 * under way is a success: it has just ended. Not journaled: it must not wait behind what it is to stop.
 */
export const backupCancel: Flow<'ds/backup_cancel'> = {
  class: undefined,
  run: async (words, tools) => {
    const stopped = await tools.cancelOthers(BACKUP_ACTIONS, tools.place(words.directory.path));
    tools.log('info', stopped.length === 0 ? 'no backup was under way' : `cancelled ${stopped.join(', ')}`);
    return '';
  },
};
