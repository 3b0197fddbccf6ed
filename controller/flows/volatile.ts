import { fromMebibytes } from '../../runtime/units.ts';
import { diskOf } from './disks.ts';
import type { Flow } from './flow.ts';

/** A volatile disk. Its file system is in the VM alone (contract 2.2, mkimage). `format` swap is a swap disk. */
export const mkimage: Flow<'tm/mkimage'> = {
  class: 'deploy',
  run: async (words, tools) => {
    const target = tools.vmPlace(words.target.path, words.vmId);
    const host = tools.host(words.target.host);
    const swap = words.format === 'swap';
    const disk = swap ? undefined : diskOf(await tools.vm(words.vmId), words.target.path);
    await tools.run(host, 'create', 'Disks/Create', {
      target,
      sizeBytes: fromMebibytes(words.sizeMb),
      format: swap ? 'raw' : words.format,
      fileSystem: swap ? 'swap' : (disk?.fileSystem ?? ''),
      preallocate: disk?.sparse === false,
      monitor: tools.monitor,
    });
    return '';
  },
};

export const mkswap: Flow<'tm/mkswap'> = {
  class: 'deploy',
  run: async (words, tools) => {
    const target = tools.vmPlace(words.target.path, words.vmId);
    await tools.run(tools.host(words.target.host), 'create', 'Disks/Create', {
      target,
      sizeBytes: fromMebibytes(words.sizeMb),
      format: 'raw',
      fileSystem: 'swap',
      preallocate: false,
      monitor: tools.monitor,
    });
    return '';
  },
};
