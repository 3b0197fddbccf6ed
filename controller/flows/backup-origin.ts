import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { directoryOf, parseBackupAddress } from '../backups/address.ts';
import { repositoryOf } from '../backups/repository.ts';
import type { AgentRequests } from '../hosts/agent-calls.ts';
import type { Host } from '../hosts/directory.ts';
import { type DriverActionData, datastoreRecord } from '../opennebula/action-data.ts';
import { required } from '../opennebula/pick.ts';
import type { FlowTools, Place } from './flow.ts';

type Origin = NonNullable<AgentRequests['Images/Import']['origin']>;

/** DATASTORE/TYPE of a backup datastore. */
const BACKUP_DATASTORE = 3;

/**
 * A disk of a backup as the content of an image. oned sends the datastore the image goes to, so the one of the backup is asked for: it must be
 * the one that oned itself has asked for the size (FROM_BACKUP_DS). Throws bad_argument, not_found.
 */
export async function backupOrigin(data: DriverActionData, tools: FlowTools): Promise<Origin> {
  const path = required(data.image?.path, 'IMAGE/PATH');
  const address = parseBackupAddress(path);
  const named = data.image?.template.get('FROM_BACKUP_DS');
  if (named !== undefined && named !== String(address.datastoreId)) {
    throw new StorageError('bad_argument', `PATH is of datastore ${address.datastoreId}, FROM_BACKUP_DS is ${named}`);
  }
  const datastore = datastoreRecord(await tools.datastore(address.datastoreId));
  if (datastore.type !== BACKUP_DATASTORE) throw new StorageError('bad_argument', `datastore ${datastore.id} keeps no backups`);
  const repository = await repositoryOf(datastore, directoryOf(address));
  return { path, backup: { repository, chain: { increments: [...address.chain] }, diskId: address.diskId } };
}

/**
 * A restore that was taken back has deleted its images while their content came; oned then forgets what it gets, and the file would stay. Throws
 * not_found when the image is gone.
 */
export async function mustStillBeWanted(imageId: number, target: Place, host: Host, tools: FlowTools): Promise<void> {
  try {
    await tools.image(imageId);
  } catch (thrown) {
    if (asStorageError(thrown).reason !== 'not_found') return;
    await tools.run(host, 'unwanted', 'Images/Remove', { target });
    throw new StorageError('not_found', `image ${imageId} was deleted while it was restored; nothing of it is left`);
  }
}
