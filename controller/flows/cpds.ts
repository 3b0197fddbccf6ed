import { StorageError } from '../../runtime/errors.ts';
import { ACTIVE, LCM } from '../opennebula/vm-document.ts';
import { diskOf, formatOfDisk } from './disks.ts';
import type { Flow } from './flow.ts';

/** A disk, or one of its snapshots, becomes the content of an image, as one file (contract 2.2). */
export const cpds: Flow<'tm/cpds'> = {
  class: 'image',
  run: async (words, tools) => {
    const place = tools.vmPlace(words.source.path, words.vmId);
    const image = tools.place(words.target);
    const host = tools.host(words.source.host);
    const vm = await tools.vm(words.vmId);
    // A snapshot is not written any more, whether the VM runs or not.
    if (words.snapshotId < 0 && vm.state === ACTIVE && vm.lcmState === LCM.hotplugSaveAs) {
      throw new StorageError(
        'unsupported',
        `VM ${vm.id} is running: the disk of a running VM cannot be saved yet; power it off, or save a snapshot`,
      );
    }
    const format = formatOfDisk(vm, diskOf(vm, words.source.path));
    const snapshot = words.snapshotId < 0 ? {} : { snapshotId: words.snapshotId };
    await tools.transfer(
      'receive',
      { host, place, format, flat: true, ...snapshot },
      { host: tools.host(undefined), image: { place: image, format, withSnapshots: false } },
    );
    return '';
  },
};
