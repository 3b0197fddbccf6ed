import { DRIVERS, type Driver } from '../drivers.ts';

type Key = keyof typeof DRIVERS;

interface TmRow {
  /** TM_MAD_CONF: oned copies it into a datastore when that gets the driver (contract 3.2). Each is as in the row of the stock twin. */
  readonly conf: Readonly<Record<string, string>>;
  /** Can disks of running machines be snapshot? Then it belongs into LIVE_DISK_SNAPSHOTS (contract 3.4). */
  readonly live: boolean;
}

/** What OpenNebula must be told of each driver. */
const TM_ROWS = {
  'tm/agent_local': {
    conf: { LN_TARGET: 'SYSTEM', CLONE_TARGET: 'SYSTEM', SHARED: 'NO', DS_MIGRATE: 'YES', ALLOW_ORPHANS: 'FORMAT' },
    live: true,
  },
  'tm/agent_shared': {
    conf: { LN_TARGET: 'NONE', CLONE_TARGET: 'SYSTEM', SHARED: 'YES', DS_MIGRATE: 'YES', ALLOW_ORPHANS: 'FORMAT' },
    live: true,
  },
  'tm/agent_ceph': {
    conf: { LN_TARGET: 'NONE', CLONE_TARGET: 'SELF', SHARED: 'YES', DS_MIGRATE: 'NO', DRIVER: 'raw', ALLOW_ORPHANS: 'mixed' },
    live: true,
  },
  'tm/agent_lvm': { conf: { LN_TARGET: 'SYSTEM', CLONE_TARGET: 'SYSTEM', SHARED: 'YES', DRIVER: 'raw', DISK_TYPE: 'BLOCK' }, live: false },
} as const satisfies Readonly<Record<Extract<Key, `tm/${string}`>, TmRow>>;

/** DS_MAD_CONF (contract 3.3). */
const DS_ROWS = {
  'ds/agent_fs': { REQUIRED_ATTRS: '', PERSISTENT_ONLY: 'NO', MARKETPLACE_ACTIONS: 'export' },
  'ds/agent_ceph': { REQUIRED_ATTRS: 'DISK_TYPE,BRIDGE_LIST', PERSISTENT_ONLY: 'NO', MARKETPLACE_ACTIONS: 'export' },
  'ds/agent_restic': { REQUIRED_ATTRS: 'RESTIC_PASSWORD', PERSISTENT_ONLY: 'YES' },
  'ds/agent_rsync': { REQUIRED_ATTRS: 'RSYNC_HOST,RSYNC_USER', PERSISTENT_ONLY: 'YES' },
} as const satisfies Readonly<Record<Extract<Key, `ds/${string}`>, Readonly<Record<string, string>>>>;

/** Attributes of a datastore that the drivers read from the disks of machines: oned copies only those that it is told to (contract 3.3). */
export const INHERITED = ['SPARSE'] as const;

export interface DriverRow {
  /** As in TM_MAD, DS_MAD. */
  readonly name: string;
  readonly kind: 'tm' | 'ds';
  readonly conf: Readonly<Record<string, string>>;
  readonly live: boolean;
}

/** The drivers that work: only those are made known to OpenNebula. */
export function readyDrivers(): readonly DriverRow[] {
  const isReady = (key: string): boolean =>
    Object.hasOwn(DRIVERS, key) && (DRIVERS as Readonly<Record<string, Driver>>)[key]?.ready === true;
  const tms = Object.entries<TmRow>(TM_ROWS).map(([key, { conf, live }]) => ({
    key,
    row: { name: key.slice(3), kind: 'tm', conf, live } as const,
  }));
  const dss = Object.entries(DS_ROWS).map(([key, conf]) => ({ key, row: { name: key.slice(3), kind: 'ds', conf, live: false } as const }));
  return [...tms, ...dss].filter(({ key }) => isReady(key)).map(({ row }) => row);
}

/** What a datastore with the driver depends on: the rest of TM_MAD_CONF may be an administrator's choice. */
export function requiredConf(tmMad: string): Readonly<Record<string, string>> {
  const rows: Readonly<Record<string, TmRow>> = TM_ROWS;
  const conf = Object.hasOwn(rows, `tm/${tmMad}`) ? rows[`tm/${tmMad}`]?.conf : undefined;
  return Object.fromEntries(Object.entries(conf ?? {}).filter(([key]) => ['LN_TARGET', 'CLONE_TARGET', 'SHARED'].includes(key)));
}
