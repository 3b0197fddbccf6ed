import type { Flow } from './flow.ts';

/** A disk, or a VM directory, is removed; what is not there is a success (contract 2.2). Nobody is asked: the words say it all. */
export const deleteDisk: Flow<'tm/delete'> = {
  class: 'delete',
  run: async (words, tools) => {
    const target = tools.vmPlace(words.target.path, words.vmId);
    const host = tools.host(words.target.host);
    tools.commit();
    await tools.run(host, 'remove', 'Disks/Remove', { target });
    return '';
  },
};
