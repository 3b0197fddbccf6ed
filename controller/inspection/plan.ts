import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { splitDatastorePath } from '../../shims/places.ts';
import type { ControllerConfig } from '../config.ts';
import { DRIVERS, type Driver } from '../drivers.ts';
import type { AgentCalls } from '../hosts/agent-calls.ts';
import type { Host, HostDirectory } from '../hosts/directory.ts';
import { type DatastoreRecord, words } from '../opennebula/action-data.ts';
import type { DatastoreInventory } from '../opennebula/inventory.ts';
import { yes } from '../opennebula/pick.ts';
import { type Expected, expectedVms, FRONT_END } from './expected.ts';
import { findMachines, type Unanswered } from './machines.ts';

export interface InspectionServices {
  readonly config: Pick<ControllerConfig, 'datastores' | 'hosts'>;
  readonly agents: AgentCalls;
  readonly hosts: HostDirectory;
}

/** Who is asked, and what each is told. */
export interface Plan {
  readonly kind: 'image' | 'system';
  readonly hosts: readonly { readonly host: Host; readonly expected: Expected }[];
  readonly unanswered: readonly Unanswered[];
}

const IMAGE_DATASTORE = 0;
const SYSTEM_DATASTORE = 1;
const FILE_DATASTORE = 2;

/** Throws unsupported for a datastore whose data is not in files of one host each. */
export async function planInspection(inventory: DatastoreInventory, services: InspectionServices, signal: AbortSignal): Promise<Plan> {
  const { type, id } = inventory.datastore;
  if (type === SYSTEM_DATASTORE) return await planSystem(inventory, services, signal);
  if (type === IMAGE_DATASTORE || type === FILE_DATASTORE) return await planImages(inventory, services, signal);
  throw new StorageError('unsupported', `datastore ${id} holds neither images nor virtual machines`);
}

/** Every machine has its own part of the datastore. */
async function planSystem({ datastore, vms }: DatastoreInventory, services: InspectionServices, signal: AbortSignal): Promise<Plan> {
  const { id, tmMad = '', template } = datastore;
  // Whether a directory is here or elsewhere says nothing when all hosts see the same one.
  if (!servedBy('tm', tmMad) || yes(template.get('SHARED'), true)) {
    throw new StorageError(
      'unsupported',
      `datastore ${id} has TM_MAD ${tmMad}: only system datastores on the hosts' own disks are looked at`,
    );
  }
  const names = [...Object.keys(services.config.hosts), ...vms.flatMap(({ hostName }) => hostName ?? [])];
  const { machines, unanswered } = await findMachines(names, services, signal);
  const answering = new Set(machines.flatMap((machine) => [...machine.names, ...(machine.isFrontEnd ? [FRONT_END] : [])]));
  const hosts = machines.map((machine) => ({ host: machine.host, expected: expectedVms(vms, id, machine, answering) }));
  return { kind: 'system', hosts, unanswered };
}

/** The front-end has it, or each of its bridges: the first that answers is asked. */
async function planImages({ datastore, sources }: DatastoreInventory, services: InspectionServices, signal: AbortSignal): Promise<Plan> {
  const { id, dsMad = '', template } = datastore;
  if (!servedBy('ds', dsMad)) throw new StorageError('unsupported', `datastore ${id} has DS_MAD ${dsMad}: its images are not files`);
  const expected: Expected = { known: knownImages(datastore, sources, services), elsewhere: [], moving: [], resting: [] };
  const bridges = words(template.get('BRIDGE_LIST'));
  const unanswered: Unanswered[] = [];
  for (const name of bridges.length === 0 ? [undefined] : bridges) {
    try {
      const host = services.hosts.find(name);
      await services.agents.machineId(host, signal);
      return { kind: 'image', hosts: [{ host, expected }], unanswered: [] };
    } catch (thrown) {
      signal.throwIfAborted();
      const { reason, message } = asStorageError(thrown);
      unanswered.push({ type: 'unanswered', host: name ?? services.hosts.frontEnd.name, reason, message });
    }
  }
  return { kind: 'image', hosts: [], unanswered };
}

/** Names in the datastore's directory. An image elsewhere (a SOURCE set by hand) owns nothing here. */
function knownImages({ id }: DatastoreRecord, sources: readonly string[], { config }: InspectionServices): string[] {
  return sources.flatMap((source) => {
    try {
      const place = splitDatastorePath(config.datastores, source);
      return place.datastoreId === id ? [place.path.split('/')[0] ?? ''] : [];
    } catch {
      return [];
    }
  });
}

/** A driver of ours with data in files, or a stock one with the same layout (contract 3.6). */
function servedBy(kind: Driver['kind'], name: string): boolean {
  const word = name.toLowerCase();
  return Object.entries<Driver>(DRIVERS).some(
    ([key, driver]) =>
      driver.kind === kind &&
      driver.backend === 'file' &&
      driver.ready === true &&
      (key === `${kind}/${word}` || driver.stock.includes(word)),
  );
}
