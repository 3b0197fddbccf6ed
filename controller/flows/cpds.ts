import { posix } from 'node:path';
import type { WordsOf } from '../../shims/words.ts';
import { ACTIVE, LCM, type VmDocument } from '../opennebula/vm-document.ts';
import { diskOf, formatOfDisk } from './disks.ts';
import type { Flow, FlowTools, Leftover, PlaceTools } from './flow.ts';
import { guestDisk, quietOf } from './guests.ts';

/** A disk, or one of its snapshots, becomes the content of an image, as one file (contract 2.2). */
export const cpds: Flow<'tm/cpds'> = {
  class: 'image',
  leftovers: (words, tools) => (words.snapshotId < 0 ? [copyOf(words, tools)] : []),
  run: async (words, tools) => {
    const place = tools.vmPlace(words.source.path, words.vmId);
    const image = tools.place(words.target);
    const host = tools.host(words.source.host);
    const vm = await tools.vm(words.vmId);
    // A snapshot is not written any more, whether the VM runs or not.
    if (words.snapshotId < 0 && vm.state === ACTIVE && vm.lcmState === LCM.hotplugSaveAs) {
      return await saveRunning(words, tools, vm);
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

/** The host's agent makes a copy of one moment beside the disk; that is transferred and goes. The guest runs on meanwhile. */
async function saveRunning(words: WordsOf<'tm/cpds'>, tools: FlowTools, vm: VmDocument): Promise<string> {
  const place = tools.vmPlace(words.source.path, words.vmId);
  const host = tools.host(words.source.host);
  const disk = diskOf(vm, words.source.path);
  const format = formatOfDisk(vm, disk);
  const copy = copyOf(words, tools).place;
  const image = { place: tools.place(words.target), format, withSnapshots: false };
  await tools.run(host, 'copy', 'Guests/CopyDisk', { disk: guestDisk(vm, disk, place), target: copy, quiet: quietOf(vm) });
  await tools.transfer('receive', { host, place: copy, format, flat: true }, { host: tools.host(undefined), image });
  await tools.run(host, 'discard', 'Disks/Remove', { target: copy });
  return '';
}

/** Of a running VM's disk, beside it. */
function copyOf(words: WordsOf<'tm/cpds'>, tools: PlaceTools): Leftover {
  const { datastoreId, path } = tools.vmPlace(words.source.path, words.vmId);
  const { dir, base } = posix.parse(path);
  return { host: tools.host(words.source.host), place: { datastoreId, path: posix.join(dir, `.onestorage.${tools.key}.saveas.${base}`) } };
}
