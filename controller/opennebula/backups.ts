import { BACKUP_IMAGE } from './backup-data.ts';
import { askOpenNebula, type OpenNebulaOptions } from './client.ts';
import { child, childrenOf, numberOf, required } from './pick.ts';
import type { XmlElement } from './xml.ts';

/** The backups in one datastore. Times are seconds since 1970. */
export interface DatastoreBackups {
  readonly datastoreId: number;
  readonly count: number;
  readonly newest: number;
  /** Of each machine that still exists the last backup; of these the oldest. undefined: none of the machines is left. */
  readonly stalest: number | undefined;
}

const ALL = -2;
const NO_LIMIT = -1;
const NOT_DONE = -1;

/** What OpenNebula lists, whichever driver made it. Throws opennebula_unavailable, bad_document. */
export async function backupsOf(options: OpenNebulaOptions, signal: AbortSignal): Promise<readonly DatastoreBackups[]> {
  const images = await backupImages(options, signal);
  if (images.length === 0) return [];
  const vms = await askOpenNebula(options, 'one.vmpool.info', [ALL, NO_LIMIT, NO_LIMIT, NOT_DONE], signal);
  return backupsIn(images, new Set(childrenOf(vms, 'VM').flatMap((vm) => numberOf(vm, 'ID') ?? [])));
}

/** The `<IMAGE>` elements of all backups, whoever owns them. Throws opennebula_unavailable. */
export async function backupImages(options: OpenNebulaOptions, signal: AbortSignal): Promise<readonly XmlElement[]> {
  return backupImagesIn(await askOpenNebula(options, 'one.imagepool.info', [ALL, NO_LIMIT, NO_LIMIT], signal));
}

export function backupImagesIn(pool: XmlElement): readonly XmlElement[] {
  return childrenOf(pool, 'IMAGE').filter((image) => numberOf(image, 'TYPE') === BACKUP_IMAGE);
}

/** `images`: of backups alone. */
export function backupsIn(images: readonly XmlElement[], machines: ReadonlySet<number>): readonly DatastoreBackups[] {
  const datastores = new Map<number, { count: number; newest: number; machines: Map<number, number> }>();
  for (const image of images) {
    const id = required(numberOf(image, 'DATASTORE_ID'), 'IMAGE/DATASTORE_ID');
    const at = timeOf(image);
    const found = datastores.get(id) ?? { count: 0, newest: 0, machines: new Map() };
    datastores.set(id, found);
    found.count += 1;
    found.newest = Math.max(found.newest, at);
    // The machine that it is of.
    for (const { text } of childrenOf(child(image, 'VMS'), 'ID')) {
      const vm = Number(text);
      if (machines.has(vm)) found.machines.set(vm, Math.max(found.machines.get(vm) ?? 0, at));
    }
  }
  return [...datastores].map(([datastoreId, found]) => {
    const last = [...found.machines.values()];
    return { datastoreId, count: found.count, newest: found.newest, stalest: last.length === 0 ? undefined : Math.min(...last) };
  });
}

/** An increment is newer than the image it was added to. */
function timeOf(image: XmlElement): number {
  const increments = childrenOf(child(image, 'BACKUP_INCREMENTS'), 'INCREMENT').map((increment) => numberOf(increment, 'DATE') ?? 0);
  return Math.max(required(numberOf(image, 'REGTIME'), 'IMAGE/REGTIME'), ...increments);
}
