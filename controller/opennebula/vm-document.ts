import { type Bytes, fromMebibytes } from '../../runtime/units.ts';
import { attributesOf, child, childrenOf, numberOf, required, textOf, yes } from './pick.ts';
import type { XmlElement } from './xml.ts';

/** Disk formats that onestorage stores. Anything else is an opaque file. */
export type DiskFormat = 'raw' | 'qcow2';

export interface VmDisk {
  readonly diskId: number;
  readonly format: DiskFormat | undefined;
  readonly size: Bytes | undefined;
  readonly originalSize: Bytes | undefined;
  readonly fileSystem: string | undefined;
  readonly source: string | undefined;
  readonly imageId: number | undefined;
  readonly datastoreId: number | undefined;
  readonly tmMad: string | undefined;
  /** FILE, CDROM, fs, swap, … as oned has it. */
  readonly type: string | undefined;
  readonly cdrom: boolean;
  readonly clone: boolean;
  readonly sparse: boolean;
  /** Everything else, as it stands. */
  readonly attributes: ReadonlyMap<string, string>;
}

export interface VmHistory {
  readonly sequence: number;
  readonly hostName: string;
  readonly datastoreId: number | undefined;
  readonly tmMad: string | undefined;
}

/** BACKUPS/BACKUP_CONFIG, words in capitals. */
export interface VmBackup {
  /** FULL or INCREMENT. */
  readonly mode: string;
  /** CBT or SNAPSHOT. */
  readonly incrementMode: string;
  /** Of the last increment that OpenNebula has as stored; -1: the next one begins a chain. */
  readonly lastIncrementId: number;
  /** The backup datastore; undefined: none yet. */
  readonly datastoreId: number | undefined;
}

export interface VmDocument {
  readonly id: number;
  readonly state: number;
  readonly lcmState: number;
  /** Name or UUID of the domain; undefined: never deployed. */
  readonly deployId: string | undefined;
  /** BACKUP_CONFIG/FS_FREEZE, in capitals. */
  readonly fsFreeze: string | undefined;
  readonly backup: VmBackup;
  /** Does the VM have a virtual TPM? */
  readonly tpm: boolean;
  readonly disks: readonly VmDisk[];
  /** Oldest first. */
  readonly history: readonly VmHistory[];
  /** Ids of the snapshots of each disk. */
  readonly snapshots: ReadonlyMap<number, readonly number[]>;
}

/** LCM states that change what an action does (contract B). */
export const LCM = {
  running: 3,
  hotplugSaveAs: 26,
  snapshot: 57,
  snapshotDelete: 59,
  prologMigrateUnknown: 60,
  prologMigrateUnknownFailure: 61,
  diskResize: 62,
} as const;

/** State ACTIVE: only then the LCM state counts, and only then a domain may run. */
export const ACTIVE = 3;

/** The `<VM>` document of one.vm.info, or of standard input. Throws bad_document. */
export function vmDocument(root: XmlElement): VmDocument {
  required(root.name === 'VM' ? root : undefined, 'VM element at its root');
  const template = child(root, 'TEMPLATE');
  return {
    id: required(numberOf(root, 'ID'), 'VM/ID'),
    state: required(numberOf(root, 'STATE'), 'VM/STATE'),
    lcmState: required(numberOf(root, 'LCM_STATE'), 'VM/LCM_STATE'),
    deployId: textOf(root, 'DEPLOY_ID'),
    fsFreeze: textOf(child(child(root, 'BACKUPS'), 'BACKUP_CONFIG'), 'FS_FREEZE')?.toUpperCase(),
    backup: backup(child(child(root, 'BACKUPS'), 'BACKUP_CONFIG')),
    tpm: textOf(child(template, 'TPM'), 'MODEL') !== undefined,
    disks: childrenOf(template, 'DISK').map(disk),
    history: childrenOf(child(root, 'HISTORY_RECORDS'), 'HISTORY').map(history),
    snapshots: new Map(childrenOf(root, 'SNAPSHOTS').map(snapshots)),
  };
}

function backup(element: XmlElement | undefined): VmBackup {
  return {
    mode: (textOf(element, 'MODE') ?? 'FULL').toUpperCase(),
    incrementMode: (textOf(element, 'INCREMENT_MODE') ?? 'CBT').toUpperCase(),
    lastIncrementId: numberOf(element, 'LAST_INCREMENT_ID') ?? -1,
    datastoreId: numberOf(element, 'LAST_DATASTORE_ID'),
  };
}

function disk(element: XmlElement): VmDisk {
  const size = numberOf(element, 'SIZE');
  const originalSize = numberOf(element, 'ORIGINAL_SIZE');
  const type = textOf(element, 'TYPE');
  return {
    diskId: required(numberOf(element, 'DISK_ID'), 'DISK/DISK_ID'),
    format: formatOf(textOf(element, 'FORMAT') ?? textOf(element, 'DRIVER')),
    size: size === undefined || size < 0 ? undefined : fromMebibytes(size),
    originalSize: originalSize === undefined || originalSize < 0 ? undefined : fromMebibytes(originalSize),
    fileSystem: textOf(element, 'FS'),
    source: textOf(element, 'SOURCE'),
    imageId: numberOf(element, 'IMAGE_ID'),
    datastoreId: numberOf(element, 'DATASTORE_ID'),
    tmMad: textOf(element, 'TM_MAD'),
    type,
    cdrom: type?.toUpperCase() === 'CDROM',
    clone: yes(textOf(element, 'CLONE'), true),
    sparse: yes(textOf(element, 'SPARSE'), true),
    attributes: attributesOf(element),
  };
}

export function formatOf(text: string | undefined): DiskFormat | undefined {
  const word = text?.toLowerCase();
  return word === 'raw' || word === 'qcow2' ? word : undefined;
}

function history(element: XmlElement): VmHistory {
  return {
    sequence: required(numberOf(element, 'SEQ'), 'HISTORY/SEQ'),
    hostName: textOf(element, 'HOSTNAME') ?? '',
    datastoreId: numberOf(element, 'DS_ID'),
    tmMad: textOf(element, 'TM_MAD'),
  };
}

function snapshots(element: XmlElement): [number, readonly number[]] {
  const ids = childrenOf(element, 'SNAPSHOT').map((one) => required(numberOf(one, 'ID'), 'SNAPSHOT/ID'));
  return [numberOf(element, 'DISK_ID') ?? -1, ids];
}
