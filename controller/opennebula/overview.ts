import { DRIVERS, type Driver } from '../drivers.ts';
import { backupImages } from './backups.ts';
import { askOpenNebula, type OpenNebulaOptions } from './client.ts';
import { mustSeeAll } from './inventory.ts';
import { attributesOf, child, childrenOf, numberOf, required, textOf } from './pick.ts';
import { type VmDocument, vmDocument } from './vm-document.ts';
import type { XmlElement } from './xml.ts';

/** What operators are shown of OpenNebula's pools. */

export interface DatastoreSummary {
  readonly id: number;
  readonly name: string;
  readonly type: 'image' | 'system' | 'file' | 'backup' | 'unknown';
  readonly dsMad: string;
  readonly tmMad: string;
  readonly clusters: ReadonlySet<string>;
  readonly template: ReadonlyMap<string, string>;
}

export interface HostSummary {
  readonly name: string;
  readonly clusterId: string;
  /** An admin has switched it off. */
  readonly offline: boolean;
}

export interface VmSummary extends VmDocument {
  readonly name: string;
}

export interface Overview {
  datastores(signal: AbortSignal): Promise<readonly DatastoreSummary[]>;
  hosts(signal: AbortSignal): Promise<readonly HostSummary[]>;
  /** All that are not DONE. */
  vms(signal: AbortSignal): Promise<readonly VmSummary[]>;
  vm(id: number, signal: AbortSignal): Promise<VmSummary>;
  /** The `<IMAGE>` elements of backups. */
  backupImages(signal: AbortSignal): Promise<readonly XmlElement[]>;
  /** oned.conf, as one.system.config gives it to an admin. */
  configuration(signal: AbortSignal): Promise<XmlElement>;
  /** Throws forbidden for a user who does not see everything. */
  mustSeeAll(signal: AbortSignal): Promise<void>;
}

const TYPES = ['image', 'system', 'file', 'backup'] as const;
/** Host::OFFLINE. */
const OFFLINE = 8;
/** Filters of a pool: everybody's, and not DONE. */
const ALL = -2;
const NOT_DONE = -1;
/** Whole documents are some KiB each, and one answer has a limit. */
const PAGE = 500;

/** Throws opennebula_unavailable, not_found, bad_document. */
export function openNebulaOverview(options: OpenNebulaOptions): Overview {
  const ask = (method: string, parameters: readonly number[], signal: AbortSignal): Promise<XmlElement> =>
    askOpenNebula(options, method, parameters, signal);
  return {
    datastores: async (signal) => datastoreSummaries(await ask('one.datastorepool.info', [], signal)),
    hosts: async (signal) => hostSummaries(await ask('one.hostpool.info', [], signal)),
    vms: (signal) => pagesOf((first) => ask('one.vmpool.infoextended', [ALL, first, -PAGE, NOT_DONE], signal)),
    vm: async (id, signal) => vmSummary(await ask('one.vm.info', [id], signal)),
    backupImages: (signal) => backupImages(options, signal),
    configuration: (signal) => ask('one.system.config', [], signal),
    mustSeeAll: async (signal) => mustSeeAll(await ask('one.user.info', [-1], signal)),
  };
}

export function datastoreSummaries(pool: XmlElement): readonly DatastoreSummary[] {
  required(pool.name === 'DATASTORE_POOL' ? pool : undefined, 'DATASTORE_POOL element at its root');
  return childrenOf(pool, 'DATASTORE').map((one) => ({
    id: required(numberOf(one, 'ID'), 'DATASTORE/ID'),
    name: textOf(one, 'NAME') ?? '',
    type: TYPES[numberOf(one, 'TYPE') ?? -1] ?? 'unknown',
    dsMad: textOf(one, 'DS_MAD') ?? '',
    tmMad: textOf(one, 'TM_MAD') ?? '',
    clusters: new Set(childrenOf(child(one, 'CLUSTERS'), 'ID').map(({ text }) => text.trim())),
    template: attributesOf(child(one, 'TEMPLATE')),
  }));
}

export function hostSummaries(pool: XmlElement): readonly HostSummary[] {
  required(pool.name === 'HOST_POOL' ? pool : undefined, 'HOST_POOL element at its root');
  return childrenOf(pool, 'HOST').map((one) => ({
    name: required(textOf(one, 'NAME'), 'HOST/NAME'),
    clusterId: textOf(one, 'CLUSTER_ID') ?? '',
    offline: numberOf(one, 'STATE') === OFFLINE,
  }));
}

/** `read` gives up to PAGE machines behind the first so many: an end below -1 is the length of a page. */
export async function pagesOf(read: (first: number) => Promise<XmlElement>, page = PAGE): Promise<readonly VmSummary[]> {
  // One that goes away meanwhile moves the others up: nobody is in the list twice, and one may be missing until the next look.
  const found = new Map<number, VmSummary>();
  for (let first = 0; ; first += page) {
    const vms = vmSummaries(await read(first));
    const before = found.size;
    for (const vm of vms) found.set(vm.id, vm);
    // The same page again: it does not know pages, and has given everything at once.
    if (vms.length < page || found.size === before) return [...found.values()];
  }
}

function vmSummaries(pool: XmlElement): readonly VmSummary[] {
  required(pool.name === 'VM_POOL' ? pool : undefined, 'VM_POOL element at its root');
  return childrenOf(pool, 'VM').map(vmSummary);
}

function vmSummary(element: XmlElement): VmSummary {
  return { ...vmDocument(element), name: textOf(element, 'NAME') ?? '' };
}

/** The driver of ours behind a MAD's name; undefined: somebody else's. */
export function ourDriver(kind: 'ds' | 'tm', name: string): Driver | undefined {
  const rows: Readonly<Record<string, Driver>> = DRIVERS;
  const key = `${kind}/${name}`;
  return Object.hasOwn(rows, key) ? rows[key] : undefined;
}

export function isOurs({ type, dsMad, tmMad }: DatastoreSummary): boolean {
  return ourDriver('tm', tmMad) !== undefined || (type !== 'system' && ourDriver('ds', dsMad) !== undefined);
}
