import type { WordsOf } from '../../shims/words.ts';
import { ACTIVE, LCM } from '../opennebula/vm-document.ts';
import { diskOf, formatOfDisk } from './disks.ts';
import type { Flow, FlowTools } from './flow.ts';
import { guestDisk } from './guests.ts';

type Verb = 'Snapshots/Create' | 'Snapshots/Revert' | 'Snapshots/Delete';

/** Snapshots of a disk of a VM that is off (contract 2.2). */
async function snapshot(words: WordsOf<'tm/snap_create'>, tools: FlowTools, method: Verb): Promise<string> {
  const disk = tools.vmPlace(words.target.path, words.vmId);
  const host = tools.host(words.target.host);
  const vm = await tools.vm(words.vmId);
  const format = formatOfDisk(vm, diskOf(vm, words.target.path));
  // A snapshot of a raw disk is a file of its own; of a qcow2 disk the running VM reads it.
  if (vm.state === ACTIVE && vm.lcmState === LCM.snapshotDelete && format !== 'raw') {
    const { snapshotId } = words;
    await tools.run(host, 'snapshot', 'Guests/DeleteSnapshot', { disk: guestDisk(vm, diskOf(vm, words.target.path), disk), snapshotId });
    return '';
  }
  await tools.run(host, 'snapshot', method, { disk, snapshotId: words.snapshotId, format });
  return '';
}

export const snapCreate: Flow<'tm/snap_create'> = { class: 'deploy', run: (words, tools) => snapshot(words, tools, 'Snapshots/Create') };
export const snapRevert: Flow<'tm/snap_revert'> = { class: 'deploy', run: (words, tools) => snapshot(words, tools, 'Snapshots/Revert') };
export const snapDelete: Flow<'tm/snap_delete'> = { class: 'delete', run: (words, tools) => snapshot(words, tools, 'Snapshots/Delete') };
