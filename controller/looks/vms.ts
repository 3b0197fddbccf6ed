import { asStorageError } from '../../runtime/errors.ts';
import type { AgentLooks } from '../hosts/agent-looks.ts';
import type { Host, HostDirectory } from '../hosts/directory.ts';
import { ON_FRONT_END } from '../inspection/expected.ts';
import { type Overview, ourDriver, type VmSummary } from '../opennebula/overview.ts';
import { stateName } from '../opennebula/vm-states.ts';
import { askHost, type Unanswered } from './ask-hosts.ts';

/** Sizes in bytes. */
export interface DiskLook {
  readonly id: number;
  readonly format: string;
  readonly type: string;
  /** As the guest sees it; undefined: OpenNebula does not say. */
  readonly sizeBytes: number | undefined;
  readonly imageId: number | undefined;
  readonly snapshots: number;
  /** Its own file on the host, without the layers below; undefined: not there, or not looked at. */
  readonly allocatedBytes: number | undefined;
}

export interface VmLook {
  readonly id: number;
  readonly name: string;
  readonly state: string;
  readonly datastoreId: number;
  readonly host: string;
  /** Where its files are on that host; undefined when the host does not answer. */
  readonly directory: string | undefined;
  /** Is the directory there? undefined: nobody could look. */
  readonly present: boolean | undefined;
  readonly failure: Unanswered | undefined;
  readonly disks: readonly DiskLook[];
}

export interface VmServices {
  readonly overview: Pick<Overview, 'datastores' | 'vms' | 'vm'>;
  readonly hosts: HostDirectory;
  readonly agents: Pick<AgentLooks, 'check' | 'stat'>;
}

interface Placed {
  readonly vm: VmSummary;
  readonly datastoreId: number;
  /** undefined is the front-end. */
  readonly hostName: string | undefined;
}

/** All machines on system datastores with a driver of ours; `id`: that one, wherever it is. Throws opennebula_unavailable, not_found. */
export async function lookAtVms(id: number | undefined, services: VmServices, signal: AbortSignal): Promise<readonly VmLook[]> {
  const { overview } = services;
  const vms = id === undefined ? await overview.vms(signal) : [await overview.vm(id, signal)];
  const ours = await ourSystemDatastores(services, signal);
  const placed = vms.flatMap((vm): readonly Placed[] => {
    const last = vm.history.at(-1);
    if (last?.datastoreId === undefined || (id === undefined && !ours.has(last.datastoreId))) return [];
    return [{ vm, datastoreId: last.datastoreId, hostName: ON_FRONT_END.has(vm.state) ? undefined : last.hostName }];
  });
  const byHost = Map.groupBy(placed, ({ hostName }) => hostName);
  const looks = await Promise.all([...byHost].map(([name, there]) => lookOnHost(name, there, services, signal)));
  return looks.flat().sort((one, other) => one.id - other.id);
}

async function ourSystemDatastores({ overview }: VmServices, signal: AbortSignal): Promise<ReadonlySet<number>> {
  const datastores = await overview.datastores(signal);
  return new Set(datastores.filter(({ type, tmMad }) => type === 'system' && ourDriver('tm', tmMad) !== undefined).map(({ id }) => id));
}

async function lookOnHost(
  name: string | undefined,
  placed: readonly Placed[],
  services: VmServices,
  signal: AbortSignal,
): Promise<readonly VmLook[]> {
  const places = placed.flatMap(({ vm, datastoreId }) => [
    { datastoreId, path: String(vm.id) },
    ...vm.disks.map(({ diskId }) => ({ datastoreId, path: `${vm.id}/disk.${diskId}` })),
  ]);
  const found = await answerOf(name, services, signal, async (host, each) => {
    const [{ datastores }, states] = await Promise.all([services.agents.check(host, each), services.agents.stat(host, places, each)]);
    return { datastores, states };
  });
  const states = found.value?.states.values();
  return placed.map(({ vm, datastoreId }) => {
    const directory = states?.next().value;
    return {
      id: vm.id,
      name: vm.name,
      state: stateName(vm.state, vm.lcmState),
      datastoreId,
      host: name ?? services.hosts.frontEnd.name,
      directory: found.value === undefined ? undefined : `${found.value.datastores}/${datastoreId}/${vm.id}`,
      present: directory === undefined ? undefined : directory.type !== '',
      failure: found.failure,
      disks: vm.disks.map((disk) => {
        const file = states?.next().value;
        return {
          id: disk.diskId,
          format: disk.format ?? '',
          type: disk.type ?? '',
          sizeBytes: disk.size,
          imageId: disk.imageId,
          snapshots: vm.snapshots.get(disk.diskId)?.length ?? 0,
          allocatedBytes: file === undefined || file.type === '' ? undefined : file.allocatedBytes,
        };
      }),
    };
  });
}

/** The name may be one that nobody knows. */
async function answerOf<T>(
  name: string | undefined,
  { hosts }: Pick<VmServices, 'hosts'>,
  signal: AbortSignal,
  ask: (host: Host, signal: AbortSignal) => Promise<T>,
): Promise<{ readonly value: T | undefined; readonly failure: Unanswered | undefined }> {
  try {
    return await askHost(hosts.find(name), ask, signal);
  } catch (thrown) {
    signal.throwIfAborted();
    const { reason, message } = asStorageError(thrown);
    return { value: undefined, failure: { reason, message } };
  }
}
