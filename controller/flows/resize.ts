import { fromMebibytes } from '../../runtime/units.ts';
import { LCM } from '../opennebula/vm-document.ts';
import { diskOf, formatOfDisk } from './disks.ts';
import type { Flow } from './flow.ts';

/** A disk grows. Of a running VM the hypervisor does it (LCM 62, contract 2.2). */
export const resize: Flow<'tm/resize'> = {
  class: 'deploy',
  run: async (words, tools) => {
    const target = tools.vmPlace(words.target.path, words.vmId);
    const host = tools.host(words.target.host);
    const vm = await tools.vm(words.vmId);
    if (vm.lcmState === LCM.diskResize) return '';
    const disk = diskOf(vm, words.target.path);
    const format = formatOfDisk(vm, disk);
    await tools.run(host, 'resize', 'Disks/Resize', { target, sizeBytes: fromMebibytes(words.sizeMb), preallocate: !disk.sparse, format });
    return '';
  },
};
