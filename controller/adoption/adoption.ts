import { StorageError } from '../../runtime/errors.ts';
import { checkDatastores, checkOnedConf } from '../doctor/oned.ts';
import { DRIVERS, type Driver } from '../drivers.ts';
import { type DatastoreSummary, isOurs, type Overview, type VmSummary } from '../opennebula/overview.ts';

/** TM_MAD and, where images are, DS_MAD of a datastore. */
export interface Drivers {
  readonly tmMad: string;
  /** undefined: a system datastore has none. */
  readonly dsMad: string | undefined;
}

export interface AdoptionPlan {
  readonly datastore: { readonly id: number; readonly name: string; readonly type: DatastoreSummary['type'] };
  readonly from: Drivers;
  readonly to: Drivers;
  /** Machines with disks in it: each keeps the driver that it was made with until it is made again (contract 3.6). */
  readonly vms: number;
}

export interface AdoptionServices {
  readonly overview: Pick<Overview, 'datastores' | 'vms' | 'configuration'>;
  /** one.datastore.update, which adds to the template. */
  readonly update: (id: number, template: string, signal: AbortSignal) => Promise<void>;
}

/** Says in the datastore itself what it was, so that it can be undone wherever it is looked at. */
const BEFORE = 'ONESTORAGE_BEFORE';

/**
 * What switching a datastore over would change, or with `undo` switching it back. Nothing is changed. Throws not_found, unsupported (a driver
 * without a twin of ours), conflict (it is so already; oned does not know the drivers).
 */
export async function planAdoption(services: AdoptionServices, id: number, undo: boolean, signal: AbortSignal): Promise<AdoptionPlan> {
  const datastore = await find(services, id, signal);
  const from = driversOf(datastore);
  const to = undo ? before(datastore) : twins(datastore);
  if (!undo) await refuseUnknown(services, { ...datastore, tmMad: to.tmMad, dsMad: to.dsMad ?? datastore.dsMad }, signal);
  const { name, type } = datastore;
  return { datastore: { id, name, type }, from, to, vms: (await services.overview.vms(signal)).filter((vm) => usesIt(vm, id)).length };
}

/** Does it, and looks whether OpenNebula has done it. Again is safe: a plan whose change was made already throws conflict and changes nothing. */
export async function adopt(services: AdoptionServices, id: number, undo: boolean, signal: AbortSignal): Promise<AdoptionPlan> {
  const plan = await planAdoption(services, id, undo, signal);
  const { from, to } = plan;
  const note = undo ? '' : `TM_MAD=${from.tmMad}${from.dsMad === undefined ? '' : ` DS_MAD=${from.dsMad}`}`;
  const lines = [`TM_MAD = "${to.tmMad}"`, ...(to.dsMad === undefined ? [] : [`DS_MAD = "${to.dsMad}"`]), `${BEFORE} = "${note}"`];
  await services.update(id, `${lines.join('\n')}\n`, signal);
  const now = await find(services, id, signal);
  const [wrong] = undo ? [] : checkDatastores([now]);
  if (now.tmMad !== to.tmMad || (to.dsMad !== undefined && now.dsMad !== to.dsMad) || wrong !== undefined) {
    const what = wrong?.text ?? `it has TM_MAD ${now.tmMad}, DS_MAD ${now.dsMad}`;
    throw new StorageError('conflict', `OpenNebula took the change of datastore ${id}, but ${what}: look at onedatastore show ${id}`);
  }
  return plan;
}

async function find({ overview }: AdoptionServices, id: number, signal: AbortSignal): Promise<DatastoreSummary> {
  const datastore = (await overview.datastores(signal)).find((one) => one.id === id);
  if (datastore === undefined) throw new StorageError('not_found', `OpenNebula has no datastore ${id}`);
  return datastore;
}

function driversOf({ type, tmMad, dsMad }: DatastoreSummary): Drivers {
  return { tmMad, dsMad: type === 'system' ? undefined : dsMad };
}

function twins(datastore: DatastoreSummary): Drivers {
  const { id, type, tmMad, dsMad } = datastore;
  if (type !== 'system' && type !== 'image' && type !== 'file')
    throw new StorageError('unsupported', `datastore ${id} holds neither images nor virtual machines`);
  const to = { tmMad: twinOf('tm', tmMad, id), dsMad: type === 'system' ? undefined : twinOf('ds', dsMad, id) };
  if (to.tmMad === tmMad && (to.dsMad === undefined || to.dsMad === dsMad))
    throw new StorageError('conflict', `datastore ${id} has the drivers of onestorage already`);
  return to;
}

/** The driver of ours with the same layout on disk; one of ours is its own. */
function twinOf(kind: 'tm' | 'ds', name: string, id: number): string {
  const word = name.toLowerCase();
  const found = Object.entries<Driver>(DRIVERS).find(
    ([key, driver]) => driver.kind === kind && driver.ready && (key === `${kind}/${word}` || driver.stock.includes(word)),
  );
  if (found === undefined) {
    const known = Object.values<Driver>(DRIVERS).filter((driver) => driver.kind === kind && driver.ready);
    const names = known.flatMap(({ stock }) => stock).join(', ');
    throw new StorageError('unsupported', `datastore ${id} has ${kind.toUpperCase()}_MAD ${name}: only ${names} can be switched over`);
  }
  return found[0].slice(3);
}

/** What adopt wrote down. Only words: they go into a template again. */
function before({ id, tmMad, dsMad, type, template }: DatastoreSummary): Drivers {
  const [, tm, ds] = /^TM_MAD=([\w-]+)(?: DS_MAD=([\w-]+))?$/u.exec(template.get(BEFORE) ?? '') ?? [];
  if (tm === undefined || !isOurs({ type, tmMad, dsMad } as DatastoreSummary)) {
    throw new StorageError('conflict', `datastore ${id} was not switched over by onestorage adopt: nothing says what it had before`);
  }
  return { tmMad: tm, dsMad: ds };
}

/** A driver that oned does not know would leave the datastore without one. */
async function refuseUnknown({ overview }: AdoptionServices, wanted: DatastoreSummary, signal: AbortSignal): Promise<void> {
  const [problem] = checkOnedConf(await overview.configuration(signal), [wanted]);
  if (problem === undefined) return;
  throw new StorageError('conflict', `${problem.subject}: ${problem.text}: run onestorage setup --apply, and restart oned`);
}

function usesIt({ disks, history }: VmSummary, id: number): boolean {
  return disks.some(({ datastoreId }) => datastoreId === id) || history.at(-1)?.datastoreId === id;
}
