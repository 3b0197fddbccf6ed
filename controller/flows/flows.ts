import { StorageError } from '../../runtime/errors.ts';
import type { ActionName } from '../../shims/actions.ts';
import { backup } from './backup.ts';
import { incrementFlatten, ls } from './backup-datastore.ts';
import { backupCancel, postbackup, postbackupLive, prebackup, prebackupLive } from './backup-staging.ts';
import { clone, ln } from './clone.ts';
import { context } from './context.ts';
import { cpds } from './cpds.ts';
import { deleteDisk } from './delete.ts';
import { exportImage } from './export.ts';
import type { Flow, Flows } from './flow.ts';
import { snapCreateLive } from './guests.ts';
import { cp, stat } from './image-import.ts';
import { imageSnapDelete, imageSnapFlatten, imageSnapRevert } from './image-snapshots.ts';
import { cloneImage, mkfs, rm } from './images.ts';
import { failmigrate, postmigrate, premigrate } from './migrate.ts';
import { dsMonitor, tmMonitor } from './monitor.ts';
import { mv } from './mv.ts';
import { mvds } from './mvds.ts';
import { resize } from './resize.ts';
import { restore } from './restore.ts';
import { restoreDisks } from './restore-disks.ts';
import { snapCreate, snapDelete, snapRevert } from './snapshots.ts';
import { mkimage, mkswap } from './volatile.ts';

/** Every action and its flow; the compiler says which one is missing. undefined: the host's own agent answers it. */
export const FLOWS = {
  'ds/cp': cp,
  'ds/mkfs': mkfs,
  'ds/rm': rm,
  'ds/stat': stat,
  'ds/clone': cloneImage,
  'ds/monitor': dsMonitor,
  'ds/export': exportImage,
  'ds/snap_delete': imageSnapDelete,
  'ds/snap_revert': imageSnapRevert,
  'ds/snap_flatten': imageSnapFlatten,
  'ds/backup': backup,
  'ds/backup_cancel': backupCancel,
  'ds/restore': restore,
  'ds/increment_flatten': incrementFlatten,
  'ds/ls': ls,
  'tm/clone': clone,
  'tm/ln': ln,
  'tm/mv': mv,
  'tm/mvds': mvds,
  'tm/cpds': cpds,
  'tm/delete': deleteDisk,
  'tm/mkimage': mkimage,
  'tm/mkswap': mkswap,
  'tm/context': context,
  'tm/resize': resize,
  'tm/snap_create': snapCreate,
  'tm/snap_create_live': snapCreateLive,
  'tm/snap_revert': snapRevert,
  'tm/snap_delete': snapDelete,
  'tm/premigrate': premigrate,
  'tm/postmigrate': postmigrate,
  'tm/failmigrate': failmigrate,
  'tm/prebackup': prebackup,
  'tm/prebackup_live': prebackupLive,
  'tm/postbackup': postbackup,
  'tm/postbackup_live': postbackupLive,
  'tm/restore': restoreDisks,
  'tm/monitor': tmMonitor,
  'tm/monitor_ds': undefined,
  'tm/activate': undefined,
  'tm/recovery_snap_create_live': undefined,
} as const satisfies Flows;

/** Throws unsupported in one line for what never comes to the controller. */
export function flowOf<A extends ActionName>(action: A): Flow<A> {
  const flow = (FLOWS as Flows)[action];
  if (flow !== undefined) return flow;
  throw new StorageError('unsupported', `${action}: runs on the host itself, not through the controller`);
}
