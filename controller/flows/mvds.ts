import { diskOf, formatOfDisk } from './disks.ts';
import type { Flow } from './flow.ts';

/** A disk replaces its persistent image, snapshots included. The disk stays: the delete of the VM directory follows (contract 2.2). */
export const mvds: Flow<'tm/mvds'> = {
  class: 'move',
  run: async (words, tools) => {
    const place = tools.vmPlace(words.source.path, words.vmId);
    const image = tools.place(words.target);
    const host = tools.host(words.source.host);
    const vm = await tools.vm(words.vmId);
    const format = formatOfDisk(vm, diskOf(vm, words.source.path));
    await tools.transfer(
      'receive',
      { host, place, format },
      { host: tools.host(undefined), image: { place: image, format, withSnapshots: true } },
    );
    return '';
  },
};
