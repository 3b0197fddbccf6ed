import { StorageError } from '../../runtime/errors.ts';
import { type DatastoreRecord, datastoreRecord } from './action-data.ts';
import { askOpenNebula, type OpenNebulaOptions } from './client.ts';
import { child, childrenOf, numberOf, required, textOf } from './pick.ts';
import type { XmlElement } from './xml.ts';

/** Where OpenNebula has a virtual machine. */
export interface VmLocation {
  readonly id: number;
  readonly state: number;
  readonly lcmState: number;
  /** Of the last history record; undefined: it was never deployed. */
  readonly hostName: string | undefined;
  readonly datastoreId: number | undefined;
}

export interface DatastoreInventory {
  readonly datastore: DatastoreRecord;
  /** SOURCE of each image, as oned has it; images without one are left out. Empty for a system datastore. */
  readonly sources: readonly string[];
  /** Every virtual machine that is not DONE. Empty for an image datastore. */
  readonly vms: readonly VmLocation[];
}

/** What OpenNebula has in a datastore: all of it, or an error. */
export interface Inventory {
  read(datastoreId: number, signal: AbortSignal): Promise<DatastoreInventory>;
}

const SYSTEM_DATASTORE = 1;
/** Filters of the pools: everybody's, from the first to the last, and of machines those that are not DONE. */
const ALL = -2;
const NO_LIMIT = -1;
const NOT_DONE = -1;
const MYSELF = -1;

/** Throws opennebula_unavailable, not_found, forbidden (a user who does not see everything), conflict. */
export function openNebulaInventory(options: OpenNebulaOptions): Inventory {
  return {
    read: async (datastoreId, signal) => {
      // What a user may not see would look as if nobody owned it.
      mustSeeAll(await askOpenNebula(options, 'one.user.info', [MYSELF], signal));
      const document = await askOpenNebula(options, 'one.datastore.info', [datastoreId], signal);
      const datastore = datastoreRecord(document);
      if (datastore.type === SYSTEM_DATASTORE) {
        const pool = await askOpenNebula(options, 'one.vmpool.info', [ALL, NO_LIMIT, NO_LIMIT, NOT_DONE], signal);
        return { datastore, sources: [], vms: vmLocations(pool) };
      }
      const pool = await askOpenNebula(options, 'one.imagepool.info', [ALL, NO_LIMIT, NO_LIMIT], signal);
      return { datastore, sources: imageSources(pool, document), vms: [] };
    },
  };
}

export function mustSeeAll(user: XmlElement): void {
  const isAdmin = user.name === 'USER' && (numberOf(user, 'ID') === 0 || numberOf(user, 'GID') === 0);
  if (isAdmin) return;
  const name = textOf(user, 'NAME') ?? 'of ONE_AUTH';
  throw new StorageError(
    'forbidden',
    `OpenNebula's user ${name} does not see everything: let opennebula.auth_file name one of group oneadmin`,
  );
}

/** The last record of each machine. The pool gives no more than that. */
export function vmLocations(pool: XmlElement): readonly VmLocation[] {
  required(pool.name === 'VM_POOL' ? pool : undefined, 'VM_POOL element at its root');
  return childrenOf(pool, 'VM').map((vm) => {
    const last = childrenOf(child(vm, 'HISTORY_RECORDS'), 'HISTORY').at(-1);
    return {
      id: required(numberOf(vm, 'ID'), 'VM/ID'),
      state: required(numberOf(vm, 'STATE'), 'VM/STATE'),
      lcmState: required(numberOf(vm, 'LCM_STATE'), 'VM/LCM_STATE'),
      hostName: textOf(last, 'HOSTNAME'),
      datastoreId: numberOf(last, 'DS_ID'),
    };
  });
}

/** The datastore itself lists its images: one that the pool does not show would be taken for nobody's. */
export function imageSources(pool: XmlElement, datastore: XmlElement): readonly string[] {
  required(pool.name === 'IMAGE_POOL' ? pool : undefined, 'IMAGE_POOL element at its root');
  const id = numberOf(datastore, 'ID');
  const images = childrenOf(pool, 'IMAGE').filter((image) => numberOf(image, 'DATASTORE_ID') === id);
  const shown = new Set(images.map((image) => textOf(image, 'ID')));
  const hidden = childrenOf(child(datastore, 'IMAGES'), 'ID').filter((one) => !shown.has(one.text.trim()));
  if (hidden.length > 0) {
    throw new StorageError('conflict', `OpenNebula does not show image ${hidden[0]?.text.trim()} of datastore ${id}: look again`);
  }
  return images.flatMap((image) => textOf(image, 'SOURCE') ?? []);
}
