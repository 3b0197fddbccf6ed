import type { Datastore, Disk, DiskSnapshot, Image, Increment, OneModel, User, Vm, VmTemplate } from './model.ts';
import { cdata, element, plain, template } from './xml.ts';

/** OpenNebula's documents in the form a real oned sends them: the same elements at the same depth, CDATA where it writes CDATA. */

const ONEADMIN: Pick<User, 'id' | 'name' | 'groupId' | 'group'> = { id: 0, name: 'oneadmin', groupId: 0, group: 'oneadmin' };
const OWNER = ownerElements(ONEADMIN);

function ownerElements(user: typeof ONEADMIN): string {
  return [plain('UID', user.id), plain('GID', user.groupId), plain('UNAME', user.name), plain('GNAME', user.group)].join('');
}

const PERMISSIONS = element(
  'PERMISSIONS',
  ['OWNER_U', 'OWNER_M', 'OWNER_A', 'GROUP_U', 'GROUP_M', 'GROUP_A', 'OTHER_U', 'OTHER_M', 'OTHER_A'].map((name) =>
    plain(name, name === 'OWNER_U' || name === 'OWNER_M' ? 1 : 0),
  ),
);
const TIME = 1_790_000_000;

export function vmDocument(model: OneModel, vm: Vm): string {
  const last = vm.history.at(-1);
  return element(
    'VM',
    plain('ID', vm.id),
    OWNER,
    plain('NAME', vm.name),
    PERMISSIONS,
    plain('LAST_POLL', TIME),
    plain('STATE', vm.state),
    plain('LCM_STATE', vm.lcmState),
    plain('PREV_STATE', vm.state),
    plain('PREV_LCM_STATE', vm.lcmState),
    plain('RESCHED', 0),
    plain('STIME', TIME),
    plain('ETIME', 0),
    plain('DEPLOY_ID', `one-${vm.id}`),
    '<MONITORING/><SCHED_ACTIONS/>',
    element(
      'TEMPLATE',
      vm.contextDisk === undefined ? '' : element('CONTEXT', template({ DISK_ID: vm.contextDisk, HOSTNAME: vm.name, TARGET: 'hda' })),
      cdata('CPU', '0.2'),
      vm.disks.map((disk) => diskElement(model, disk, last?.datastoreId ?? 0, last?.tm ?? '')),
      cdata('MEMORY', 64),
      vm.tpm === true ? element('TPM', cdata('MODEL', 'tpm-crb')) : '',
      cdata('TM_MAD_SYSTEM', last?.tm ?? ''),
      cdata('VMID', vm.id),
      template(vm.template ?? {}),
    ),
    element('USER_TEMPLATE', template(vm.userTemplate ?? {})),
    element(
      'HISTORY_RECORDS',
      vm.history.map((record) => historyElement(vm, record)),
    ),
    vm.disks.filter((disk) => disk.nextSnapshot > 0).map((disk) => snapshotsElement(disk.snapshots, disk.nextSnapshot, disk.id)),
    element('BACKUPS', element('BACKUP_CONFIG', template(backupConfig(vm))), element('BACKUP_IDS', ids(vm.backup?.images ?? []))),
  );
}

function backupConfig({ fsFreeze, backup }: Vm): Record<string, string | number | undefined> {
  if (backup === undefined) return { FS_FREEZE: fsFreeze };
  return {
    BACKUP_VOLATILE: backup.volatile === true ? 'YES' : 'NO',
    FS_FREEZE: fsFreeze ?? 'NONE',
    INCREMENTAL_BACKUP_ID: backup.imageId ?? -1,
    INCREMENT_MODE: backup.incrementMode ?? 'CBT',
    KEEP_LAST: 4,
    LAST_DATASTORE_ID: 104,
    LAST_INCREMENT_ID: backup.lastIncrementId ?? -1,
    MODE: backup.mode,
  };
}

function ids(list: readonly number[]): string[] {
  return list.map((id) => plain('ID', id));
}

function diskElement(model: OneModel, disk: Disk, systemDatastore: number, systemTm: string): string {
  const common = { DISK_ID: disk.id, DISK_TYPE: 'FILE', DRIVER: disk.format, FORMAT: disk.format, SIZE: disk.sizeMb, TARGET: disk.target };
  const own = { ...common, ALLOW_ORPHANS: 'FORMAT', DEV_PREFIX: 'vd', PERSISTENT_SNAPSHOTS: 'YES', CLUSTER_ID: 0 };
  if (disk.kind !== 'image') {
    const datastore = model.datastores.get(systemDatastore)?.name;
    const fields = { ...own, DATASTORE: datastore, DATASTORE_ID: systemDatastore, FS: disk.fileSystem, TM_MAD: systemTm, TYPE: disk.kind };
    return element('DISK', template(fields));
  }
  return element(
    'DISK',
    template({
      ...own,
      CLONE: disk.clone ? 'YES' : 'NO',
      CLONE_TARGET: 'SYSTEM',
      DATASTORE: model.datastores.get(disk.datastoreId)?.name,
      DATASTORE_ID: disk.datastoreId,
      DISK_SNAPSHOT_TOTAL_SIZE: disk.snapshots.length * disk.sizeMb,
      IMAGE: disk.image,
      IMAGE_ID: disk.imageId,
      IMAGE_STATE: disk.save ? 8 : 2,
      LN_TARGET: 'SYSTEM',
      ORIGINAL_SIZE: disk.originalSizeMb,
      PERSISTENT: disk.save ? 'YES' : undefined,
      READONLY: disk.type === 'CDROM' ? 'YES' : 'NO',
      SAVE: disk.save ? 'YES' : 'NO',
      SOURCE: disk.source,
      TM_MAD: disk.tm,
      TM_MAD_SYSTEM: disk.tmSystem,
      TYPE: disk.type,
    }),
  );
}

function historyElement(vm: Vm, record: Vm['history'][number]): string {
  const times = ['PSTIME', 'PETIME', 'RSTIME', 'RETIME', 'ESTIME', 'EETIME'].map((name) => plain(name, 0));
  return element(
    'HISTORY',
    plain('OID', vm.id),
    plain('SEQ', record.seq),
    plain('HOSTNAME', record.host),
    plain('HID', 0),
    plain('CID', 0),
    plain('STIME', TIME),
    plain('ETIME', 0),
    cdata('VM_MAD', 'kvm'),
    cdata('TM_MAD', record.tm),
    plain('DS_ID', record.datastoreId),
    plain('PLAN_ID', -2),
    plain('ACTION_ID', -1),
    times,
    plain('ACTION', 0),
    plain('UID', 0),
    plain('GID', 0),
    plain('REQUEST_ID', 1),
  );
}

export function datastoreDocument(model: OneModel, datastore: Datastore): string {
  const images = [...model.images.values()].filter((image) => image.datastoreId === datastore.id);
  return element(
    'DATASTORE',
    plain('ID', datastore.id),
    OWNER,
    plain('NAME', datastore.name),
    PERMISSIONS,
    cdata('DS_MAD', datastore.dsMad),
    cdata('TM_MAD', datastore.tmMad),
    cdata('BASE_PATH', datastore.basePath),
    plain('TYPE', datastore.type),
    plain('DISK_TYPE', 0),
    plain('STATE', 0),
    element('CLUSTERS', plain('ID', 0)),
    plain('TOTAL_MB', 0),
    plain('FREE_MB', 0),
    plain('USED_MB', 0),
    element(
      'IMAGES',
      images.map((image) => plain('ID', image.id)),
    ),
    element(
      'TEMPLATE',
      template({
        ALLOW_ORPHANS: 'FORMAT',
        CLONE_TARGET: 'SYSTEM',
        DISK_TYPE: 'FILE',
        DS_MAD: datastore.dsMad,
        LN_TARGET: 'SYSTEM',
        PERSISTENT_SNAPSHOTS: 'YES',
        SHARED: datastore.type === 1 ? 'NO' : undefined,
        TM_MAD: datastore.tmMad,
        TYPE: ['IMAGE_DS', 'SYSTEM_DS', 'FILE_DS', 'BACKUP_DS'][datastore.type],
        ...datastore.template,
      }),
    ),
  );
}

export function imageDocument(model: OneModel, image: Image): string {
  return element(
    'IMAGE',
    plain('ID', image.id),
    ownerElements(model.users.get(image.owner ?? '') ?? ONEADMIN),
    plain('NAME', image.name),
    PERMISSIONS,
    plain('TYPE', image.type),
    plain('DISK_TYPE', 0),
    plain('PERSISTENT', image.persistent ? 1 : 0),
    plain('REGTIME', TIME),
    plain('MODTIME', TIME),
    cdata('SOURCE', image.source),
    cdata('PATH', image.path),
    cdata('FORMAT', image.format),
    cdata('FS', image.fs),
    plain('SIZE', image.sizeMb),
    plain('STATE', image.error === undefined ? (image.source === '' ? 4 : 1) : 5),
    plain('PREV_STATE', 0),
    plain('RUNNING_VMS', 0),
    plain('CLONING_OPS', 0),
    plain('CLONING_ID', -1),
    plain('TARGET_SNAPSHOT', image.targetSnapshot),
    plain('DATASTORE_ID', image.datastoreId),
    plain('DATASTORE', model.datastores.get(image.datastoreId)?.name ?? ''),
    element('VMS', image.backup === undefined ? '' : plain('ID', image.backup.vmId)),
    '<CLONES></CLONES><APP_CLONES></APP_CLONES>',
    element('TEMPLATE', template({ DEV_PREFIX: 'vd', ERROR: image.error, ...image.template })),
    snapshotsElement(image.snapshots, image.nextSnapshot),
    element('BACKUP_INCREMENTS', (image.backup?.increments ?? []).map(incrementElement)),
    element(
      'BACKUP_DISK_IDS',
      (image.backup?.diskIds ?? []).map((id) => plain('ID', id)),
    ),
  );
}

function incrementElement({ id, source, sizeMb, type }: Increment): string {
  return element(
    'INCREMENT',
    template({ DATE: TIME + id, ID: id, PARENT_ID: type === 'FULL' ? -1 : id - 1, SIZE: sizeMb, SOURCE: source, TYPE: type }),
  );
}

function snapshotsElement(snapshots: readonly DiskSnapshot[], next: number, diskId?: number): string {
  const records = snapshots.map((snapshot) =>
    element(
      'SNAPSHOT',
      template({
        ACTIVE: snapshot.active ? 'YES' : undefined,
        DATE: TIME,
        ID: snapshot.id,
        NAME: snapshot.name,
        PARENT: snapshot.parent,
        SIZE: 0,
      }),
    ),
  );
  const head = template({ ALLOW_ORPHANS: 'FORMAT', CURRENT_BASE: -1, DISK_ID: diskId, NEXT_SNAPSHOT: next });
  return element('SNAPSHOTS', head, records);
}

/** What one_datastore puts on the standard input of cp, mkfs, rm and clone: the whole image and its datastore (contract 1.3). */
export function imageActionDocument(model: OneModel, image: Image): string {
  return element('DS_DRIVER_ACTION_DATA', imageDocument(model, image), datastoreOf(model, image.datastoreId));
}

/** stat: of the image only PATH, SIZE, and the backup job. */
export function statDocument(model: OneModel, path: string, datastoreId: number, job = ''): string {
  const more = job === '' ? '' : plain('BACKUP_JOB_ID', job);
  return element('DS_DRIVER_ACTION_DATA', element('IMAGE', plain('PATH', path), '<SIZE></SIZE>', more), datastoreOf(model, datastoreId));
}

/** backup (raw XML, with line ends) of a VM into a backup datastore. */
export function backupDocument(model: OneModel, vm: Vm, datastoreId: number): string {
  return `<DS_DRIVER_ACTION_DATA>\n  ${datastoreOf(model, datastoreId)}\n  ${vmDocument(model, vm)}\n</DS_DRIVER_ACTION_DATA>\n`;
}

/** ls: raw XML too, with the image. */
export function lsDocument(model: OneModel, vm: Vm, image: Image): string {
  const parts = [datastoreOf(model, image.datastoreId), vmDocument(model, vm), imageDocument(model, image)];
  return `<DS_DRIVER_ACTION_DATA>\n${parts.join('\n')}\n</DS_DRIVER_ACTION_DATA>\n`;
}

/** restore: where to, and what the user wants. */
export function restoreDocument(model: OneModel, image: Image, destination: number, wanted: Readonly<Record<string, string>>): string {
  const parts = [imageDocument(model, image), datastoreOf(model, image.datastoreId), plain('DESTINATION_DS_ID', destination)];
  return element('DS_DRIVER_ACTION_DATA', parts, element('TEMPLATE', template(wanted)));
}

export function flattenDocument(model: OneModel, image: Image, keepLast: number): string {
  const parts = [imageDocument(model, image), datastoreOf(model, image.datastoreId)];
  return element('DS_DRIVER_ACTION_DATA', parts, element('EXTRA_DATA', plain('KEEP_LAST', keepLast)));
}

export function templateDocument(model: OneModel, one: VmTemplate): string {
  const owner = ownerElements(model.users.get(one.owner) ?? ONEADMIN);
  return element('VMTEMPLATE', plain('ID', one.id), owner, plain('NAME', one.name), PERMISSIONS, plain('REGTIME', TIME), one.document);
}

/** monitor of an image datastore, or of a system one (which adds where datastores are, and every tenth time the wish for disk sizes). */
export function monitorDocument(model: OneModel, datastoreId: number, diskSizes = false): string {
  const system = model.datastores.get(datastoreId)?.type === 1;
  const extra = system ? plain('DATASTORE_LOCATION', model.datastoreLocation) + (diskSizes ? plain('MONITOR_VM_DISKS', 1) : '') : '';
  return element('DS_DRIVER_ACTION_DATA', datastoreOf(model, datastoreId), extra);
}

function datastoreOf(model: OneModel, id: number): string {
  const datastore = model.datastores.get(id);
  if (datastore === undefined) throw new Error(`the lab has no datastore ${id}`);
  return datastoreDocument(model, datastore);
}
