/** What OpenNebula knows, as far as storage drivers ask for it. The lab's tests change these records the way oned would. */

/** Life-cycle codes that drivers look at (contract B). */
export const LCM_STATES = {
  none: 0,
  prolog: 1,
  running: 3,
  migrate: 4,
  prologMigrate: 8,
  prologResume: 9,
  epilogStop: 10,
  epilog: 11,
  epilogUndeploy: 30,
  prologUndeploy: 31,
  diskSnapshotPoweroff: 51,
  diskSnapshotRevertPoweroff: 52,
  diskSnapshotDeletePoweroff: 53,
  prologMigrateUnknown: 60,
  diskResizePoweroff: 63,
  hotplugSaveasPoweroff: 28,
  hotplugSaveasUndeployed: 67,
  hotplugSaveasStopped: 68,
} as const;

export interface DiskSnapshot {
  readonly id: number;
  readonly name: string;
  readonly parent: number;
  readonly active: boolean;
}

interface DiskBase {
  readonly id: number;
  readonly target: string;
  format: 'raw' | 'qcow2';
  sizeMb: number;
  snapshots: DiskSnapshot[];
  nextSnapshot: number;
}

/** A disk made from a registered image. `clone` false: linked (persistent, CDROM), `save` true: written back at the end. */
export interface ImageDisk extends DiskBase {
  readonly kind: 'image';
  readonly type: 'FILE' | 'CDROM';
  readonly imageId: number;
  readonly image: string;
  readonly datastoreId: number;
  readonly tm: string;
  readonly source: string;
  readonly clone: boolean;
  readonly save: boolean;
  readonly originalSizeMb: number;
  /** Set when the VM's system datastore has another driver: the suffix of the action's name (contract 2.0). */
  readonly tmSystem?: string;
}

/** A disk that lives and dies with its VM. */
export interface VolatileDisk extends DiskBase {
  readonly kind: 'fs' | 'swap';
  readonly fileSystem?: string;
}

export type Disk = ImageDisk | VolatileDisk;

export interface HistoryRecord {
  readonly seq: number;
  readonly host: string;
  readonly datastoreId: number;
  readonly tm: string;
}

export interface Vm {
  readonly id: number;
  readonly name: string;
  state: number;
  lcmState: number;
  disks: Disk[];
  /** The disk number of the context CD; undefined: the VM has none. */
  readonly contextDisk: number | undefined;
  /** Extra words of the CONTEXT line: files, `path:name` pairs and URLs. */
  readonly contextFiles: readonly string[];
  /** BACKUP_CONFIG/FS_FREEZE; undefined: not set. */
  fsFreeze?: 'NONE' | 'AGENT' | 'SUSPEND';
  /** BACKUP_CONFIG; undefined: not set. */
  backup?: VmBackups;
  /** Has it a virtual TPM? */
  readonly tpm?: boolean;
  /** Further attributes of its template, and of its user template. */
  template?: Readonly<Record<string, string>>;
  userTemplate?: Readonly<Record<string, string>>;
  /** Last one: where it runs now, or ran last. */
  history: HistoryRecord[];
}

export interface VmBackups {
  mode: 'FULL' | 'INCREMENT';
  incrementMode?: 'CBT' | 'SNAPSHOT';
  /** -1, or not there: the next one is full. */
  lastIncrementId?: number;
  /** BACKUP_VOLATILE. */
  volatile?: boolean;
  /** The image that increments are added to. */
  imageId?: number;
  readonly images?: number[];
}

export interface Increment {
  readonly id: number;
  source: string;
  sizeMb: number;
  type: 'FULL' | 'INCREMENT';
}

/** What an image of type BACKUP has. */
export interface BackupRecord {
  readonly vmId: number;
  readonly diskIds: readonly number[];
  /** Empty: one full backup, whose name is the image's SOURCE. */
  increments: Increment[];
}

/** Somebody who asks OpenNebula. */
export interface User {
  readonly id: number;
  readonly name: string;
  readonly groupId: number;
  readonly group: string;
  /** Calls that are refused to this user, as an ACL would. */
  readonly refused: ReadonlySet<string>;
}

export interface VmTemplate {
  readonly id: number;
  readonly owner: string;
  readonly name: string;
  /** `<TEMPLATE>…</TEMPLATE>` */
  readonly document: string;
}

export interface Datastore {
  readonly id: number;
  readonly name: string;
  /** 0 images, 1 system, 2 files, 3 backups. */
  readonly type: 0 | 1 | 2 | 3;
  readonly dsMad: string;
  readonly tmMad: string;
  readonly basePath: string;
  readonly template: Readonly<Record<string, string>>;
}

export interface Image {
  readonly id: number;
  readonly name: string;
  /** 0 OS, 1 CDROM, 2 DATABLOCK, 6 BACKUP. */
  readonly type: 0 | 1 | 2 | 6;
  /** Name of its user; undefined: oneadmin. */
  readonly owner?: string;
  readonly backup?: BackupRecord;
  /** Why it is in state ERROR. */
  error?: string;
  readonly persistent: boolean;
  readonly datastoreId: number;
  readonly path: string;
  readonly fs: string;
  readonly template: Readonly<Record<string, string>>;
  source: string;
  format: string;
  sizeMb: number;
  snapshots: DiskSnapshot[];
  nextSnapshot: number;
  targetSnapshot: number;
}

/** The records of one OpenNebula. */
export interface OneModel {
  /** As oned writes it; often with `//` (contract 2). */
  readonly datastoreLocation: string;
  /** Directory of context.sh and the transfer scripts: `<vmFiles>/<id>/context.sh`. */
  readonly vmFiles: string;
  readonly frontEnd: string;
  readonly vms: Map<number, Vm>;
  readonly datastores: Map<number, Datastore>;
  readonly images: Map<number, Image>;
  readonly templates: Map<number, VmTemplate>;
  /** By name; oneadmin is always there. */
  readonly users: Map<string, User>;
}

/** The record where the VM is, or was last. */
export function lastHistory(vm: Vm): HistoryRecord {
  const last = vm.history.at(-1);
  if (last === undefined) throw new Error(`VM ${vm.id} of the lab was never deployed`);
  return last;
}

/** Moves the VM to a host: oned appends a history record before it writes the transfer script. */
export function deployTo(vm: Vm, host: string, datastoreId: number, tm: string): void {
  vm.history.push({ seq: vm.history.length, host, datastoreId, tm });
}
