import type { Argument } from './arguments.ts';

/**
 * THE TABLE: every action of a datastore (`ds`) and of a transfer manager (`tm`) that OpenNebula 6.10 and 7.x call. Rules and their sources:
 * contract 1.2-1.6 (dispatch), 2.1 (datastore actions), 2.2 (transfer manager actions). The link farm, the shim, the server, the flows and
 * ACTIONS.md all follow it.
 */
export interface Action {
  readonly kind: 'ds' | 'tm';
  readonly summary: string;
  readonly arguments: readonly Argument[];
  /** `base64`: the document is base64 on one line without a newline. `raw`: the XML itself (contract 1.3, 1.5). */
  readonly stdin: 'none' | 'base64' | 'raw';
  /** What the document holds. */
  readonly document: string | undefined;
  /** `none`: thrown away by OpenNebula. `line`: one line, no noise. `lines`: may be several (contract 1.4). */
  readonly stdout: 'none' | 'line' | 'lines';
  /** The words of that output. */
  readonly result: string | undefined;
  /** May be called as `<action>.<other TM>` for a disk whose image datastore has another TM than the system datastore (contract 2.0). */
  readonly suffix: boolean;
  readonly since: '6.10' | '7.0';
  /** `host`: OpenNebula runs the installed copy on the KVM host itself, where no controller is. */
  readonly runs: 'front-end' | 'host';
  /** Which datastores have it; absent on tm rows. */
  readonly datastore?: 'image' | 'backup' | 'both';
}

const IMAGE = 'DS_DRIVER_ACTION_DATA (IMAGE, DATASTORE)';
const imageId = [{ name: 'id', kind: 'id' }] as const;
const vm = [
  { name: 'vmId', kind: 'id' },
  { name: 'datastoreId', kind: 'id' },
] as const;
const target = { name: 'target', kind: 'hostPath' } as const;
const snapshot = [target, { name: 'snapshotId', kind: 'snapshotId' }, ...vm] as const;
const transfer = [{ name: 'source', kind: 'maybeHostPath' }, target, ...vm] as const;
const backup = [
  { name: 'directory', kind: 'hostPath' },
  { name: 'disks', kind: 'disks' },
  { name: 'deployId', kind: 'deployId' },
  { name: 'jobId', kind: 'job' },
  ...vm,
] as const;
const migration = [
  { name: 'sourceHost', kind: 'host' },
  { name: 'targetHost', kind: 'host' },
  { name: 'directory', kind: 'path' },
  ...vm,
  { name: 'systemTm', kind: 'name', optional: true },
] as const;

const ds = {
  kind: 'ds',
  arguments: imageId,
  stdin: 'base64',
  document: IMAGE,
  stdout: 'none',
  result: undefined,
  suffix: false,
  since: '6.10',
  runs: 'front-end',
} as const;
const tm = {
  kind: 'tm',
  stdin: 'none',
  document: undefined,
  stdout: 'none',
  result: undefined,
  suffix: false,
  since: '6.10',
  runs: 'front-end',
} as const;
const disk = { ...tm, suffix: true } as const;
const withVm = { ...tm, stdin: 'base64', document: 'VM', arguments: migration } as const;
const backupStep = { ...tm, stdin: 'raw', document: 'VM', arguments: backup } as const;
const usage = 'USED_MB=… TOTAL_MB=… FREE_MB=…';

export const ACTIONS = {
  'ds/cp': { ...ds, datastore: 'image', summary: 'fetch an image into the datastore', stdout: 'line', result: 'source format' },
  'ds/mkfs': { ...ds, datastore: 'image', summary: 'make an empty image', stdout: 'line', result: 'source' },
  'ds/rm': { ...ds, datastore: 'both', summary: 'remove an image or a backup' },
  'ds/stat': {
    ...ds,
    datastore: 'both',
    summary: 'size of an image before it is fetched; the id is of the request',
    stdout: 'line',
    result: 'size in MiB',
  },
  'ds/clone': { ...ds, datastore: 'image', summary: 'copy an image; the id is of the new one', stdout: 'line', result: 'source [format]' },
  'ds/monitor': {
    ...ds,
    datastore: 'both',
    summary: 'space in the datastore; the id is of the datastore',
    document: 'DS_DRIVER_ACTION_DATA (DATASTORE)',
    stdout: 'lines',
    result: usage,
  },
  'ds/export': {
    ...ds,
    datastore: 'image',
    summary: 'where a marketplace can read the image; the id is of the app',
    stdout: 'lines',
    result: 'IMPORT_INFO document',
  },
  'ds/snap_delete': { ...ds, document: `${IMAGE} + IMAGE/TARGET_SNAPSHOT`, datastore: 'image', summary: 'delete a snapshot of an image' },
  'ds/snap_revert': { ...ds, document: `${IMAGE} + IMAGE/TARGET_SNAPSHOT`, datastore: 'image', summary: 'put an image back to a snapshot' },
  'ds/snap_flatten': {
    ...ds,
    document: `${IMAGE} + IMAGE/TARGET_SNAPSHOT`,
    datastore: 'image',
    summary: 'make an image one of its snapshots and drop the others',
  },
  'ds/backup': {
    ...ds,
    datastore: 'backup',
    summary: 'store the backup of a VM',
    arguments: backup,
    stdin: 'raw',
    document: 'DS_DRIVER_ACTION_DATA (DATASTORE, VM)',
    stdout: 'line',
    result: 'backup_id size_in_MiB [format]',
  },
  'ds/backup_cancel': {
    ...ds,
    datastore: 'backup',
    summary: 'stop a backup that runs',
    arguments: [
      { name: 'directory', kind: 'hostPath' },
      { name: 'deployId', kind: 'deployId' },
    ],
    stdin: 'raw',
    document: 'VM (7.x), nothing (6.10)',
  },
  'ds/restore': {
    ...ds,
    datastore: 'backup',
    summary: 'make images, and a VM template, of a backup; the id is of the request',
    document: `${IMAGE} + DESTINATION_DS_ID, TEMPLATE`,
    stdout: 'line',
    result: 'template_id|-1 image_id…',
  },
  'ds/increment_flatten': {
    ...ds,
    datastore: 'backup',
    summary: 'merge the old increments of a backup',
    document: `${IMAGE} + EXTRA_DATA/KEEP_LAST`,
    stdout: 'line',
    result: 'size_in_MiB id:source,id:source…, or nothing',
  },
  'ds/ls': {
    ...ds,
    datastore: 'backup',
    summary: 'addresses of the disks of a backup',
    arguments: [
      { name: '-i', kind: 'flag' },
      { name: 'incrementId', kind: 'idOrAll' },
    ],
    stdin: 'raw',
    document: 'DS_DRIVER_ACTION_DATA (DATASTORE, VM, IMAGE)',
    stdout: 'line',
    result: 'JSON object: disk id or `tpm` → address',
  },

  'tm/clone': { ...disk, summary: 'make a disk (also kernel, initrd) of a non-persistent image', arguments: transfer },
  'tm/ln': { ...disk, summary: 'make a disk of a persistent image', arguments: transfer },
  'tm/mv': {
    ...disk,
    summary: 'move a disk, or a VM directory, to another host or datastore',
    arguments: [{ name: 'source', kind: 'hostPath' }, target, ...vm],
  },
  'tm/mvds': {
    ...disk,
    summary: 'give a disk back to its persistent image',
    arguments: [{ name: 'source', kind: 'hostPath' }, { name: 'target', kind: 'source' }, ...vm],
  },
  'tm/cpds': {
    ...disk,
    summary: 'copy a disk, or a snapshot of it, to an image',
    arguments: [
      { name: 'source', kind: 'hostPath' },
      { name: 'target', kind: 'source' },
      { name: 'snapshotId', kind: 'snapshotOrCurrent' },
      ...vm,
    ],
  },
  'tm/delete': { ...disk, summary: 'delete a disk, or a VM directory', arguments: [target, ...vm] },
  'tm/mkimage': {
    ...disk,
    summary: 'make a volatile disk',
    arguments: [{ name: 'sizeMb', kind: 'sizeMb' }, { name: 'format', kind: 'format' }, target, ...vm],
  },
  'tm/mkswap': { ...disk, summary: 'make a swap disk', arguments: [{ name: 'sizeMb', kind: 'sizeMb' }, target, ...vm] },
  'tm/context': { ...tm, summary: 'make the context CD of a VM', arguments: [{ name: 'files', kind: 'file', many: true }, target, ...vm] },
  'tm/resize': { ...disk, summary: 'grow a disk', arguments: [target, { name: 'sizeMb', kind: 'sizeMb' }, ...vm] },
  'tm/snap_create': { ...disk, summary: 'snapshot of a disk of a VM that is off', arguments: snapshot },
  'tm/snap_create_live': { ...disk, summary: 'snapshot of a disk of a running VM', arguments: snapshot },
  'tm/snap_revert': { ...disk, summary: 'put a disk back to a snapshot', arguments: snapshot },
  'tm/snap_delete': { ...disk, summary: 'delete a snapshot of a disk', arguments: snapshot },
  'tm/premigrate': { ...withVm, summary: 'before a live migration' },
  'tm/postmigrate': { ...withVm, summary: 'after a live migration' },
  'tm/failmigrate': { ...withVm, summary: 'after a live migration that failed' },
  'tm/prebackup': { ...backupStep, summary: 'make the backup files of a VM that is off' },
  'tm/prebackup_live': { ...backupStep, summary: 'make the backup files of a running VM' },
  'tm/postbackup': { ...backupStep, summary: 'remove the backup files' },
  'tm/postbackup_live': { ...backupStep, summary: 'remove the backup files, join the overlays of the running VM' },
  'tm/restore': {
    ...tm,
    summary: 'put a backup in the place of the disks of a VM',
    arguments: [
      { name: 'directory', kind: 'hostPath' },
      { name: 'vmId', kind: 'id' },
      { name: 'imageId', kind: 'id' },
      { name: 'incrementId', kind: 'idOrAll' },
      { name: 'diskId', kind: 'idOrAll' },
    ],
  },
  'tm/monitor': {
    ...tm,
    summary: 'space in a shared system datastore',
    arguments: [{ name: 'datastoreId', kind: 'id' }],
    stdin: 'base64',
    document: 'DS_DRIVER_ACTION_DATA (DATASTORE) + DATASTORE_LOCATION [MONITOR_VM_DISKS]',
    stdout: 'lines',
    result: usage,
  },
  'tm/monitor_ds': {
    ...tm,
    summary: 'sizes of the VM disks in a local system datastore',
    arguments: [{ name: 'directory', kind: 'path' }],
    stdout: 'lines',
    result: 'VM = [ ID = …, MONITOR = "…" ]',
    runs: 'host',
  },
  'tm/activate': {
    ...tm,
    summary: 'activate the volumes of a host after its start',
    arguments: [{ name: 'timeout', kind: 'seconds', optional: true }],
    runs: 'host',
  },
  'tm/recovery_snap_create_live': {
    ...tm,
    summary: 'recovery snapshot of a running VM to the replica host',
    arguments: [
      { name: 'vmId', kind: 'id' },
      { name: 'disk', kind: 'path' },
      { name: 'frequency', kind: 'seconds' },
      { name: 'replicaHost', kind: 'host' },
    ],
    stdout: 'line',
    result: 'time of the last snapshot, seconds',
    runs: 'host',
  },
} as const satisfies Readonly<Record<`${'ds' | 'tm'}/${string}`, Action>>;

export type ActionName = keyof typeof ACTIONS;

/** Names of the public page that differ from what OpenNebula calls (contract A.4). */
export const ALIASES = {
  'tm/pre_backup': 'tm/prebackup',
  'tm/pre_backup_live': 'tm/prebackup_live',
  'tm/post_backup': 'tm/postbackup',
  'tm/post_backup_live': 'tm/postbackup_live',
} as const satisfies Readonly<Record<string, ActionName>>;

/** The table for loops, where the exact type of each row is in the way. */
export const ACTION_ROWS: ReadonlyMap<ActionName, Action> = new Map(Object.entries(ACTIONS) as [ActionName, Action][]);

/** `tm`, `clone.ssh` → the row `tm/clone` and the suffix `ssh`. undefined: there is no such action, or it takes no suffix. */
export function findAction(kind: string, word: string): { readonly action: ActionName; readonly suffix: string | undefined } | undefined {
  const dot = word.indexOf('.');
  const name = `${kind}/${dot < 0 ? word : word.slice(0, dot)}`;
  const suffix = dot < 0 ? undefined : word.slice(dot + 1);
  const action = Object.hasOwn(ALIASES, name) ? ALIASES[name as keyof typeof ALIASES] : name;
  if (!Object.hasOwn(ACTIONS, action)) return undefined;
  const found = action as ActionName;
  if (suffix !== undefined && (!ACTIONS[found].suffix || !/^[A-Za-z0-9_-]{1,64}$/.test(suffix))) return undefined;
  return { action: found, suffix };
}
