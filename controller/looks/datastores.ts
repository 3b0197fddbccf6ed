import { asStorageError } from '../../runtime/errors.ts';
import type { AgentLooks } from '../hosts/agent-looks.ts';
import type { HostDirectory } from '../hosts/directory.ts';
import { words } from '../opennebula/action-data.ts';
import { type DatastoreSummary, type HostSummary, isOurs, type Overview, ourDriver } from '../opennebula/overview.ts';
import { askHost, type Unanswered } from './ask-hosts.ts';

/** Space of a datastore on one host, in bytes. */
export interface DatastorePart {
  readonly host: string;
  readonly space: { readonly totalBytes: number; readonly usedBytes: number; readonly freeBytes: number } | undefined;
  /** Driver that the marker names, by which OpenNebula's probes measure it; undefined: there is no marker. */
  readonly marker: string | undefined;
  readonly failure: Unanswered | undefined;
}

export interface DatastoreLook {
  readonly id: number;
  readonly name: string;
  readonly type: string;
  /** TM_MAD of a system datastore, DS_MAD and TM_MAD of any other. */
  readonly drivers: readonly string[];
  /** Empty when no host has a part of its own: the driver is not there yet, or no host is in its clusters. */
  readonly parts: readonly DatastorePart[];
}

export interface DatastoreServices {
  readonly overview: Pick<Overview, 'datastores' | 'hosts'>;
  readonly hosts: HostDirectory;
  readonly agents: Pick<AgentLooks, 'space'>;
}

/** Every datastore with a driver of ours. Throws opennebula_unavailable. */
export async function lookAtDatastores(services: DatastoreServices, signal: AbortSignal): Promise<readonly DatastoreLook[]> {
  const [datastores, hosts] = await Promise.all([services.overview.datastores(signal), services.overview.hosts(signal)]);
  const looks = datastores.filter(isOurs).map(async (datastore) => {
    const { id, name, type, dsMad, tmMad } = datastore;
    const names = hostNames(datastore, hosts);
    const parts = await Promise.all(names.map((host) => partOf(id, host, services, signal)));
    return { id, name, type, drivers: type === 'system' ? [tmMad] : [dsMad, tmMad], parts };
  });
  return (await Promise.all(looks)).sort((one, other) => one.id - other.id);
}

/** undefined is the front-end. */
function hostNames(datastore: DatastoreSummary, hosts: readonly HostSummary[]): readonly (string | undefined)[] {
  const { type, dsMad, tmMad, clusters, template } = datastore;
  const driver = type === 'system' ? ourDriver('tm', tmMad) : ourDriver('ds', dsMad);
  if (driver === undefined || driver.ready === false) return [];
  const bridges = words(template.get('BRIDGE_LIST'));
  // One that all hosts see is measured where it is monitored.
  if (type === 'system' && driver.placement === 'host')
    return hosts.filter(({ clusterId, offline }) => !offline && clusters.has(clusterId)).map(({ name }) => name);
  return bridges.length === 0 ? [undefined] : bridges;
}

async function partOf(id: number, name: string | undefined, services: DatastoreServices, signal: AbortSignal): Promise<DatastorePart> {
  const failed = (host: string, failure: Unanswered): DatastorePart => ({ host, space: undefined, marker: undefined, failure });
  try {
    const host = services.hosts.find(name);
    const { value, failure } = await askHost(host, (one, each) => services.agents.space(one, id, each), signal);
    if (value === undefined) return failed(host.name, failure);
    const { totalBytes, usedBytes, freeBytes, monitor } = value;
    const space = { totalBytes, usedBytes, freeBytes };
    return { host: host.name, space, marker: monitor === '' ? undefined : monitor, failure: undefined };
  } catch (thrown) {
    signal.throwIfAborted();
    const { reason, message } = asStorageError(thrown);
    return failed(name ?? services.hosts.frontEnd.name, { reason, message });
  }
}
