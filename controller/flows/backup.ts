import { StorageError } from '../../runtime/errors.ts';
import { bytes, toMebibytes } from '../../runtime/units.ts';
import { linksUpTo, lostLinks } from '../backups/chain.ts';
import { directoryFor, repositoryOf } from '../backups/repository.ts';
import type { DatastoreRecord } from '../opennebula/action-data.ts';
import { backupActionData, backupConfig, backupImage } from '../opennebula/backup-data.ts';
import { numberOf, required } from '../opennebula/pick.ts';
import { repositoryHost } from './backup-datastore.ts';
import type { Flow, FlowTools } from './flow.ts';

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
    if (config.nextIncrement > 0) await mustFollowOn(config.imageId, data.datastore, repository, tools);
    const { backupId = '', sizeBytes } = await tools.run(host, 'store', 'Backups/Store', {
      repository,
      vmId,
      source: { datastoreId: staged.datastoreId, path: `${staged.path}/backup` },
      diskIds: [...words.disks],
      increment: config.nextIncrement,
    });
    return `${backupId} ${toMebibytes(bytes(sizeBytes))} raw`;
  },
};

/** An increment without the ones before it is worth nothing: they are looked for before it is sent, not when it is needed. */
async function mustFollowOn(
  imageId: number | undefined,
  datastore: DatastoreRecord,
  repository: Awaited<ReturnType<typeof repositoryOf>>,
  tools: FlowTools,
): Promise<void> {
  if (imageId === undefined) return;
  const image = backupImage(await tools.image(imageId));
  const listing = await tools.listBackup(await repositoryHost(datastore, tools), repository, linksUpTo(image, -1));
  const lost = lostLinks(listing).map(({ increment }) => `${increment?.id} (${increment?.backupId})`);
  if (lost.length === 0) return;
  tools.resetChain(image.vmId);
  const text = `backup ${imageId} has lost increment ${lost.join(', ')} in its repository, so no increment can follow`;
  throw new StorageError('broken_chain', `${text}; the next backup of VM ${image.vmId} will be a full one, in a new image`);
}
