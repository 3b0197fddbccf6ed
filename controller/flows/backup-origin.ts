import { asStorageError, oneLine, StorageError } from '../../runtime/errors.ts';
import { type BackupAddress, directoryOf, parseBackupAddress } from '../backups/address.ts';
import { repositoryOf } from '../backups/repository.ts';
import type { AgentRequests } from '../hosts/agent-calls.ts';
import type { Host } from '../hosts/directory.ts';
import { type DriverActionData, datastoreRecord, type ImageRecord } from '../opennebula/action-data.ts';
import { required } from '../opennebula/pick.ts';
import type { FlowTools, Place } from './flow.ts';

type Origin = NonNullable<AgentRequests['Images/Import']['origin']>;

/** DATASTORE/TYPE of a backup datastore. */
const BACKUP_DATASTORE = 3;

/**
 * A disk of a backup as the content of an image. oned sends the datastore the image goes to, so the one of the backup is asked for: it must be
 * the one that oned itself has asked for the size (FROM_BACKUP_DS). Throws bad_argument, not_found, opennebula_refused.
 */
export async function backupOrigin(data: DriverActionData, tools: FlowTools): Promise<Origin> {
  const path = required(data.image?.path, 'IMAGE/PATH');
  const address = parseBackupAddress(path);
  const named = data.image?.template.get('FROM_BACKUP_DS');
  if (named !== undefined && named !== String(address.datastoreId)) {
    throw new StorageError('bad_argument', `PATH is of datastore ${address.datastoreId}, FROM_BACKUP_DS is ${named}`);
  }
  const datastore = datastoreRecord(await tools.datastore(address.datastoreId));
  await mustBeAllowed(address, required(data.image, 'IMAGE'), tools);
  if (datastore.type !== BACKUP_DATASTORE) throw new StorageError('bad_argument', `datastore ${datastore.id} keeps no backups`);
  const repository = await repositoryOf(datastore, directoryOf(address));
  return { path, backup: { repository, chain: { increments: [...address.chain] }, diskId: address.diskId } };
}

/** Of OpenNebula's administrators: the user and the group oneadmin. */
const ONEADMIN = 0;
/** Of restic's ids OpenNebula may have all digits; addresses need eight. */
const SHORT = 8;

/**
 * oned takes any PATH, also one of a backup of somebody else. So OpenNebula is asked, as the owner of the new image, which backups that user may use.
 * Administrators also read what OpenNebula no longer lists. Throws opennebula_refused.
 */
async function mustBeAllowed(address: BackupAddress, { owner }: ImageRecord, tools: FlowTools): Promise<void> {
  if (owner.id === ONEADMIN || owner.groupId === ONEADMIN) return;
  const user = required(owner.name, 'IMAGE/UNAME');
  const directory = directoryOf(address);
  const usable = await tools.actAs(user).backups(tools.signal);
  const found = usable.some(({ datastoreId, vmId, jobId, increments }) => {
    const known = new Set(increments.map(({ source }) => source.slice(0, SHORT)));
    const sameRepository = address.jobId === undefined ? directory === String(vmId) : jobId === address.jobId;
    return (
      datastoreId === address.datastoreId && sameRepository && address.chain.every(({ backupId }) => known.has(backupId.slice(0, SHORT)))
    );
  });
  if (found) return;
  throw new StorageError(
    'opennebula_refused',
    `PATH names a backup in datastore ${address.datastoreId} that user ${oneLine(user)} may not use`,
  );
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
