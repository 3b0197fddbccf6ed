import { ACTION_ROWS, type ActionName, ALIASES } from './actions.ts';

interface Driver {
  readonly kind: 'tm' | 'ds';
  /** Which datastore actions; absent for a transfer manager, which has them all. */
  readonly datastore?: 'image' | 'backup';
  /** System TMs that disks of this image TM may go to (TM_MAD_SYSTEM, contract 3.2). Without a link for it oned falls back to the plain action. */
  readonly suffixes?: readonly string[];
}

/** Every driver that is installed. */
export const DRIVERS = {
  'tm/agent_local': { kind: 'tm', suffixes: ['agent_shared', 'ssh', 'local'] },
  'tm/agent_shared': { kind: 'tm', suffixes: ['agent_local', 'ssh', 'local'] },
  'tm/agent_ceph': { kind: 'tm', suffixes: ['agent_local', 'agent_shared', 'ssh', 'local', 'shared', 'qcow2'] },
  'tm/agent_lvm': { kind: 'tm', suffixes: [] },
  'ds/agent_fs': { kind: 'ds', datastore: 'image' },
  'ds/agent_ceph': { kind: 'ds', datastore: 'image' },
  'ds/agent_restic': { kind: 'ds', datastore: 'backup' },
  'ds/agent_rsync': { kind: 'ds', datastore: 'backup' },
} as const satisfies Readonly<Record<`${'tm' | 'ds'}/${string}`, Driver>>;

export type DriverName = keyof typeof DRIVERS;

export const DRIVER_NAMES = Object.keys(DRIVERS) as readonly DriverName[];

/** Does the driver's kind of datastore have the action at all? */
export function hasAction(driver: DriverName, action: ActionName): boolean {
  const row: Driver = DRIVERS[driver];
  const { kind, datastore } = ACTION_ROWS.get(action) ?? {};
  return row.kind === kind && (kind === 'tm' || datastore === 'both' || datastore === row.datastore);
}

/** The directory of a driver below OpenNebula's remotes directory. */
export function directoryOf(driver: DriverName): string {
  return driver.replace(/^ds\//, 'datastore/');
}

/** File names in the driver's directory: the actions, the page's spellings of them, and the mixed-mode forms. */
export function linkNames(driver: DriverName): readonly string[] {
  const row: Driver = DRIVERS[driver];
  const names: string[] = [];
  for (const [action, { suffix }] of ACTION_ROWS) {
    if (!hasAction(driver, action)) continue;
    const name = action.slice(3);
    names.push(name, ...(suffix ? (row.suffixes ?? []).map((other) => `${name}.${other}`) : []));
  }
  for (const [alias, action] of Object.entries(ALIASES)) if (hasAction(driver, action)) names.push(alias.slice(3));
  return names.sort();
}
