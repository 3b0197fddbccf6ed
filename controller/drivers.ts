import { oneLine, StorageError } from '../runtime/errors.ts';
import type { ActionName } from '../shims/actions.ts';

export type Backend = 'file' | 'ceph' | 'lvm' | 'repository';
/** Who can reach a disk: its own host, or every host of the cluster. */
export type Placement = 'host' | 'cluster';

export interface Driver {
  readonly kind: 'ds' | 'tm';
  readonly backend: Backend;
  readonly placement: Placement;
  /** The stock drivers with the same layout on disk. */
  readonly stock: readonly string[];
  /** Are there flows for it? For these actions alone, when they are named. */
  readonly ready: boolean | readonly ActionName[];
}

/** A driver is two facts: backend × placement. The names are our own, the layout on disk is stock (contract 3.6). */
export const DRIVERS = {
  'ds/agent_fs': { kind: 'ds', backend: 'file', placement: 'host', stock: ['fs'], ready: true },
  'ds/agent_ceph': { kind: 'ds', backend: 'ceph', placement: 'cluster', stock: ['ceph'], ready: false },
  'ds/agent_restic': { kind: 'ds', backend: 'repository', placement: 'cluster', stock: ['restic'], ready: true },
  'ds/agent_rsync': { kind: 'ds', backend: 'repository', placement: 'cluster', stock: ['rsync'], ready: true },
  'tm/agent_local': { kind: 'tm', backend: 'file', placement: 'host', stock: ['ssh', 'local'], ready: true },
  'tm/agent_shared': { kind: 'tm', backend: 'file', placement: 'cluster', stock: ['shared', 'qcow2'], ready: ['tm/monitor'] },
  'tm/agent_ceph': { kind: 'tm', backend: 'ceph', placement: 'cluster', stock: ['ceph'], ready: false },
  'tm/agent_lvm': { kind: 'tm', backend: 'lvm', placement: 'cluster', stock: ['fs_lvm_ssh'], ready: false },
} as const satisfies Readonly<Record<`${'ds' | 'tm'}/${string}`, Driver>>;

/**
 * The driver that carries a call out. A suffix names the TM of the system datastore (mixed mode, contract 2.0). It sticks to later disks of
 * a transfer script, the volatile ones among them, so `clone.agent_local` of `agent_local` is a plain `clone`. Throws bad_argument for a
 * name that is none of ours, unsupported for what has no flows yet.
 */
export function driverOf(action: ActionName, name: string, suffix: string | undefined): Driver {
  const kind = action.startsWith('ds/') ? 'ds' : 'tm';
  const row = find(kind, name);
  if (row === undefined) throw new StorageError('bad_argument', `${kind}/${oneLine(name)} is not a driver of onestorage`);
  if (row.ready === false) throw new StorageError('unsupported', `the driver ${name} is not there yet`);
  if (!carriesOut(row, action)) throw new StorageError('unsupported', `the driver ${name} cannot do ${action} yet`);
  if (suffix === undefined) return row;
  const system = find('tm', suffix.toLowerCase()) ?? stockTwin(suffix.toLowerCase());
  if (system !== undefined && system.backend === row.backend && system.placement === row.placement) return row;
  throw new StorageError('unsupported', `${name} cannot serve disks of a system datastore with TM_MAD ${oneLine(suffix)} yet`);
}

/** Is there a flow for this action of the driver? */
export function carriesOut({ ready }: Pick<Driver, 'ready'>, action: ActionName): boolean {
  return typeof ready === 'boolean' ? ready : ready.includes(action);
}

function find(kind: 'ds' | 'tm', name: string): Driver | undefined {
  const key = `${kind}/${name}`;
  return Object.hasOwn(DRIVERS, key) ? DRIVERS[key as keyof typeof DRIVERS] : undefined;
}

function stockTwin(name: string): Driver | undefined {
  return Object.values<Driver>(DRIVERS).find((driver) => driver.kind === 'tm' && driver.stock.includes(name));
}
