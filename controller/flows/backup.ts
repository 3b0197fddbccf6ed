import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { bytes, toMebibytes } from '../../runtime/units.ts';
import { linksUpTo } from '../backups/chain.ts';
import { directoryFor, repositoryOf } from '../backups/repository.ts';
import { backupActionData, backupConfig, backupImage } from '../opennebula/backup-data.ts';
import { numberOf, required } from '../opennebula/pick.ts';
import type { Flow } from './flow.ts';

/**
 * Sends what prebackup has staged to the repository (contract 1.5, 7.2). OpenNebula counts on the number that it gave: the first of a chain is
 * 0, and so is every full backup.
 */
export const backup: Flow<'ds/backup'> = {
  class: 'backup',
  run: async (words, tools) => {
    const data = backupActionData(tools.input());
    const vm = required(data.vm, 'VM');
    const vmId = required(numberOf(vm, 'ID'), 'VM/ID');
    if (vmId !== words.vmId) throw new StorageError('bad_argument', `standard input is about VM ${vmId}, the call about VM ${words.vmId}`);
    const staged = tools.vmPlace(words.directory.path, words.vmId);
    const config = backupConfig(vm);
    const repository = await repositoryOf(data.datastore, directoryFor(data.datastore, vmId, words.jobId));
    // What another host has read of the storage (7.x, Ceph) lies there.
    const host = tools.host(config.lastBridge ?? words.directory.host);
    const { imageId, nextIncrement } = config;
    const follows = imageId === undefined || nextIncrement === 0 ? [] : linksUpTo(backupImage(await tools.image(imageId)), -1);
    const request = {
      repository,
      vmId,
      source: { datastoreId: staged.datastoreId, path: `${staged.path}/backup` },
      diskIds: [...words.disks],
      increment: nextIncrement,
      ...(follows.length === 0 ? {} : { follows: { increments: [...follows] } }),
    };
    const { backupId = '', sizeBytes } = await tools.run(host, 'store', 'Backups/Store', request).catch((thrown: unknown) => {
      const error = asStorageError(thrown);
      if (error.reason !== 'broken_chain') throw thrown;
      tools.resetChain(vmId);
      throw new StorageError(
        'broken_chain',
        `backup ${imageId}: ${error.message}; the next backup of VM ${vmId} will be a full one, in a new image`,
      );
    });
    return `${backupId} ${toMebibytes(bytes(sizeBytes))} raw`;
  },
};
