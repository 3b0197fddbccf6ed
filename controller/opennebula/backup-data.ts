import { StorageError } from '../../runtime/errors.ts';
import { type DatastoreRecord, datastoreRecord } from './action-data.ts';
import { attributesOf, child, childrenOf, numberOf, required, textOf } from './pick.ts';
import type { XmlElement } from './xml.ts';

/** IMAGE/TYPE of a backup. */
export const BACKUP_IMAGE = 6;

/** One link of a backup's chain, as OpenNebula has it. */
export interface IncrementRecord {
  readonly id: number;
  /** What the driver called it: `577e252f` of restic, `0f56ed` of rsync. */
  readonly source: string;
  readonly full: boolean;
  readonly sizeMb: number | undefined;
  /** Seconds since 1970. */
  readonly date: number | undefined;
}

/** An image of type BACKUP. */
export interface BackupImage {
  readonly id: number;
  readonly name: string;
  /** OpenNebula keeps it when the VM is gone. */
  readonly vmId: number;
  /** The backup job that made it; its backups share a repository. */
  readonly jobId: number | undefined;
  readonly datastoreId: number;
  /** raw, or rbd for what a stock driver exported from Ceph. */
  readonly format: string;
  readonly diskIds: readonly number[];
  /** More increments may be added to it. */
  readonly incremental: boolean;
  /** A full backup alone is a chain of one. */
  readonly increments: readonly IncrementRecord[];
}

/** What stands on standard input of the actions of a backup datastore. It may hold secrets. */
export interface BackupActionData {
  readonly datastore: DatastoreRecord;
  readonly image: XmlElement | undefined;
  readonly vm: XmlElement | undefined;
  /** Of restore. */
  readonly destinationId: number | undefined;
  /** Of restore: USERNAME, NAME, NO_IP, NO_NIC, INCREMENT_ID, DISK_ID. */
  readonly options: ReadonlyMap<string, string>;
  /** Of increment_flatten. */
  readonly keepLast: number | undefined;
}

/** Where a VM's backups stand (BACKUP_CONFIG, contract 4). */
export interface BackupConfig {
  /** 0: the next one is full. */
  readonly nextIncrement: number;
  /** The backup image that the next increment belongs to. */
  readonly imageId: number | undefined;
  /** Host that has staged the backup, when it is not the VM's. */
  readonly lastBridge: string | undefined;
}

/** Of a VM's document. In mode FULL what is stored of the last backup does not count. */
export function backupConfig(vm: XmlElement): BackupConfig {
  const config = child(child(vm, 'BACKUPS'), 'BACKUP_CONFIG');
  const increments = textOf(config, 'MODE')?.toUpperCase() === 'INCREMENT';
  const image = numberOf(config, 'INCREMENTAL_BACKUP_ID') ?? -1;
  return {
    nextIncrement: increments ? (numberOf(config, 'LAST_INCREMENT_ID') ?? -1) + 1 : 0,
    imageId: increments && image >= 0 ? image : undefined,
    lastBridge: textOf(config, 'LAST_BRIDGE'),
  };
}

/** Throws bad_document. */
export function backupActionData(root: XmlElement): BackupActionData {
  required(root.name === 'DS_DRIVER_ACTION_DATA' ? root : undefined, 'DS_DRIVER_ACTION_DATA element at its root');
  return {
    datastore: datastoreRecord(required(child(root, 'DATASTORE'), 'DATASTORE')),
    image: child(root, 'IMAGE'),
    vm: child(root, 'VM'),
    destinationId: numberOf(root, 'DESTINATION_DS_ID'),
    options: attributesOf(child(root, 'TEMPLATE')),
    keepLast: numberOf(child(root, 'EXTRA_DATA'), 'KEEP_LAST'),
  };
}

/** The `<IMAGE>` of a backup. Throws bad_document, bad_argument for an image that is none. */
export function backupImage(element: XmlElement): BackupImage {
  required(element.name === 'IMAGE' ? element : undefined, 'IMAGE element');
  const id = required(numberOf(element, 'ID'), 'IMAGE/ID');
  if (numberOf(element, 'TYPE') !== BACKUP_IMAGE) throw new StorageError('bad_argument', `image ${id} is no backup`);
  const increments = childrenOf(child(element, 'BACKUP_INCREMENTS'), 'INCREMENT').map(increment);
  const source = textOf(element, 'SOURCE');
  return {
    id,
    name: textOf(element, 'NAME') ?? '',
    vmId: required(numberOf(child(element, 'VMS'), 'ID'), 'IMAGE/VMS/ID'),
    jobId: numberOf(child(element, 'TEMPLATE'), 'BACKUP_JOB_ID'),
    datastoreId: required(numberOf(element, 'DATASTORE_ID'), 'IMAGE/DATASTORE_ID'),
    format: textOf(element, 'FORMAT') ?? 'raw',
    diskIds: childrenOf(child(element, 'BACKUP_DISK_IDS'), 'ID').map(({ text }) => Number(text)),
    incremental: increments.length > 0,
    increments:
      increments.length > 0
        ? increments.sort((one, other) => one.id - other.id)
        : [
            {
              id: 0,
              source: required(source, 'IMAGE/SOURCE'),
              full: true,
              sizeMb: numberOf(element, 'SIZE'),
              date: numberOf(element, 'REGTIME'),
            },
          ],
  };
}

function increment(element: XmlElement): IncrementRecord {
  return {
    id: required(numberOf(element, 'ID'), 'INCREMENT/ID'),
    source: required(textOf(element, 'SOURCE'), 'INCREMENT/SOURCE'),
    full: textOf(element, 'TYPE') === 'FULL',
    sizeMb: numberOf(element, 'SIZE'),
    date: numberOf(element, 'DATE'),
  };
}

/** The chain that ends at an increment; -1: at the last one. Throws not_found. */
export function chainUpTo({ id, increments }: BackupImage, incrementId: number): readonly IncrementRecord[] {
  const end = incrementId === -1 ? increments.length : increments.findIndex((one) => one.id === incrementId) + 1;
  if (end > 0) return increments.slice(0, end);
  const known = increments.map((one) => one.id).join(', ');
  throw new StorageError('not_found', `backup ${id} has no increment ${incrementId}; it has ${known}`);
}
