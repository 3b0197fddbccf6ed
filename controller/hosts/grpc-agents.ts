import type { CancelOperationResponse__Output } from '../../proto/gen/onestorage/v1/CancelOperationResponse.ts';
import type { DescribeHostResponse__Output } from '../../proto/gen/onestorage/v1/DescribeHostResponse.ts';
import type { DiskSizesResponse__Output } from '../../proto/gen/onestorage/v1/DiskSizesResponse.ts';
import type { ListOperationsResponse__Output } from '../../proto/gen/onestorage/v1/ListOperationsResponse.ts';
import type { OperationEvent__Output } from '../../proto/gen/onestorage/v1/OperationEvent.ts';
import type { StatOriginResponse__Output } from '../../proto/gen/onestorage/v1/StatOriginResponse.ts';
import type { VmDiskSizes__Output } from '../../proto/gen/onestorage/v1/VmDiskSizes.ts';
import { type Channel, callStream, callUnary, openChannel } from '../../runtime/channel.ts';
import { StorageError } from '../../runtime/errors.ts';
import type { Identity } from '../../runtime/identity/identity.ts';
import type { VmSizes } from '../../runtime/monitord/template.ts';
import { bytes } from '../../runtime/units.ts';
import type { AgentCalls, AgentMethod, AgentRequests } from './agent-calls.ts';
import type { AgentLooks } from './agent-looks.ts';
import type { Host } from './directory.ts';
import { grpcLooks } from './grpc-looks.ts';
import { type AgentProgram, agentProgram, refuseUnknown } from './too-old.ts';

type Start<M extends AgentMethod> = (
  channel: Channel,
  request: AgentRequests[M],
  signal: AbortSignal,
) => AsyncIterable<OperationEvent__Output>;

const STARTS: { readonly [M in AgentMethod]: Start<M> } = {
  'Disks/Create': (channel, request, signal) => callStream(channel.client('Disks'), 'Create', request, { signal }),
  'Disks/Resize': (channel, request, signal) => callStream(channel.client('Disks'), 'Resize', request, { signal }),
  'Disks/Remove': (channel, request, signal) => callStream(channel.client('Disks'), 'Remove', request, { signal }),
  'Disks/CreateContext': (channel, request, signal) => callStream(channel.client('Disks'), 'CreateContext', request, { signal }),
  'Images/Import': (channel, request, signal) => callStream(channel.client('Images'), 'Import', request, { signal }),
  'Images/Create': (channel, request, signal) => callStream(channel.client('Images'), 'Create', request, { signal }),
  'Images/Copy': (channel, request, signal) => callStream(channel.client('Images'), 'Copy', request, { signal }),
  'Images/Remove': (channel, request, signal) => callStream(channel.client('Images'), 'Remove', request, { signal }),
  'Images/Describe': (channel, request, signal) => callStream(channel.client('Images'), 'Describe', request, { signal }),
  'Snapshots/Create': (channel, request, signal) => callStream(channel.client('Snapshots'), 'Create', request, { signal }),
  'Snapshots/Revert': (channel, request, signal) => callStream(channel.client('Snapshots'), 'Revert', request, { signal }),
  'Snapshots/Delete': (channel, request, signal) => callStream(channel.client('Snapshots'), 'Delete', request, { signal }),
  'Snapshots/Flatten': (channel, request, signal) => callStream(channel.client('Snapshots'), 'Flatten', request, { signal }),
  'Guests/CreateSnapshot': (channel, request, signal) => callStream(channel.client('Guests'), 'CreateSnapshot', request, { signal }),
  'Guests/DeleteSnapshot': (channel, request, signal) => callStream(channel.client('Guests'), 'DeleteSnapshot', request, { signal }),
  'Guests/CopyDisk': (channel, request, signal) => callStream(channel.client('Guests'), 'CopyDisk', request, { signal }),
  'Guests/PrepareMigration': (channel, request, signal) => callStream(channel.client('Guests'), 'PrepareMigration', request, { signal }),
  'Guests/ConfirmMigration': (channel, request, signal) => callStream(channel.client('Guests'), 'ConfirmMigration', request, { signal }),
  'Guests/FinishMigration': (channel, request, signal) => callStream(channel.client('Guests'), 'FinishMigration', request, { signal }),
  'Guests/AbandonMigration': (channel, request, signal) => callStream(channel.client('Guests'), 'AbandonMigration', request, { signal }),
  'Staging/Stage': (channel, request, signal) => callStream(channel.client('Staging'), 'Stage', request, { signal }),
  'Staging/Discard': (channel, request, signal) => callStream(channel.client('Staging'), 'Discard', request, { signal }),
  'Inspections/Quarantine': (channel, request, signal) => callStream(channel.client('Inspections'), 'Quarantine', request, { signal }),
  'Transfers/Receive': (channel, request, signal) => callStream(channel.client('Transfers'), 'Receive', request, { signal }),
  'Backups/Store': (channel, request, signal) => callStream(channel.client('Backups'), 'Store', request, { signal }),
  'Backups/Remove': (channel, request, signal) => callStream(channel.client('Backups'), 'Remove', request, { signal }),
  'Backups/Flatten': (channel, request, signal) => callStream(channel.client('Backups'), 'Flatten', request, { signal }),
  'Backups/Restore': (channel, request, signal) => callStream(channel.client('Backups'), 'Restore', request, { signal }),
  'Backups/Swap': (channel, request, signal) => callStream(channel.client('Backups'), 'Swap', request, { signal }),
  'Backups/Boot': (channel, request, signal) => callStream(channel.client('Backups'), 'Boot', request, { signal }),
  'Backups/Verify': (channel, request, signal) => callStream(channel.client('Backups'), 'Verify', request, { signal }),
  'Backups/Unlock': (channel, request, signal) => callStream(channel.client('Backups'), 'Unlock', request, { signal }),
};

function sizesOf({ vmId, disks }: VmDiskSizes__Output): VmSizes {
  return {
    id: vmId,
    disks: disks.map(({ diskId, allocatedBytes, snapshots }) => ({
      id: diskId,
      allocated: bytes(allocatedBytes),
      snapshots: snapshots.map((snapshot) => ({ id: snapshot.snapshotId, allocated: bytes(snapshot.allocatedBytes) })),
    })),
  };
}

const SHORT_MS = 10_000;
const MACHINE_KEPT_MS = 60_000;

export interface GrpcAgentsOptions {
  readonly identity: Identity;
  readonly statMs: number;
  readonly monitorMs: number;
}

export interface GrpcAgents {
  /** The controller's own. */
  readonly identity: Identity;
  /** New calls show this identity; those under way go on with the old one. */
  reload(identity: Identity): void;
  /** Tells an agent which certificates not to trust. */
  setRevocations(host: Host, list: string, signal: AbortSignal): Promise<void>;
  close(): void;
}

interface Machine {
  readonly id: string;
  readonly host: Host;
  /** As its certificate says. */
  readonly hostName: string;
  readonly program: AgentProgram;
  readonly until: number;
}

/**
 * One machine may be called by two names, and then answers with one certificate. Two certificates with one machine id are machines that were
 * copied with their id: taken for one, a move between them would do nothing.
 */
function refuseTwin(machine: Machine, others: Iterable<Machine>): void {
  for (const other of others) {
    if (other.id !== machine.id || other.until <= performance.now()) continue;
    if (other.hostName.toLowerCase() === machine.hostName.toLowerCase()) continue;
    const both = `${other.host.name} (${other.host.address}) and ${machine.host.name} (${machine.host.address})`;
    const remedy = 'give one of them a new /etc/machine-id and a new certificate';
    throw new StorageError('bad_identity', `${both} both say that they are machine ${machine.id}: ${remedy}`);
  }
}

/** Agents by gRPC over mutual TLS, one connection a host. */
export function grpcAgents({ identity: first, statMs, monitorMs }: GrpcAgentsOptions): AgentCalls & AgentLooks & GrpcAgents {
  let identity = first;
  const channels = new Map<string, Channel>();
  const machines = new Map<string, Machine>();
  const channelOf = (host: Host): Channel => {
    const key = `${host.address} ${host.expect.hostName ?? ''} ${host.expect.machineId ?? ''}`;
    const known = channels.get(key);
    if (known !== undefined && !known.isRevoked) return known;
    known?.close();
    const channel = openChannel(host.address, identity, host.expect);
    channels.set(key, channel);
    return channel;
  };
  const closeAll = (): void => {
    for (const channel of channels.values()) channel.close();
    channels.clear();
  };
  const describe = async (host: Host, signal: AbortSignal): Promise<Machine> => {
    const options = { signal, deadlineMs: SHORT_MS };
    const request = { brief: true, wire: true };
    const found: DescribeHostResponse__Output = await callUnary(channelOf(host).client('Hosts'), 'Describe', request, options);
    if (found.machineId === '') throw new StorageError('bad_identity', `the agent of ${host.name} does not say which machine it is on`);
    const until = performance.now() + MACHINE_KEPT_MS;
    const machine = { id: found.machineId, host, hostName: found.hostName, program: agentProgram(found), until };
    refuseTwin(machine, machines.values());
    machines.set(host.address, machine);
    return machine;
  };
  const machineOf = async (host: Host, signal: AbortSignal): Promise<Machine> => {
    const known = machines.get(host.address);
    return known !== undefined && known.until > performance.now() ? known : await describe(host, signal);
  };
  /** One that understood too little may have been upgraded meanwhile: it is asked again. */
  const programOf = async (host: Host, signal: AbortSignal): Promise<AgentProgram> => {
    const { program } = await machineOf(host, signal);
    return program.limited === undefined ? program : (await describe(host, signal)).program;
  };
  return {
    ...grpcLooks(channelOf),
    machineId: async (host, signal) => (await machineOf(host, signal)).id,
    program: programOf,
    start: async function* (host, method, request, signal) {
      // A host that was not asked yet is not asked for this: the call itself must be the first to find out whether it answers.
      if (machines.get(host.address)?.program.limited !== undefined) refuseUnknown(host, await programOf(host, signal), method, request);
      yield* STARTS[method](channelOf(host), request, signal);
    },
    watch: (host, operationId, signal) => callStream(channelOf(host).client('Operations'), 'Watch', { operationId }, { signal }),
    cancel: async (host, operationId, reason, signal) => {
      const options = { signal, deadlineMs: SHORT_MS };
      const request = { operationId, reason };
      const answer: CancelOperationResponse__Output = await callUnary(channelOf(host).client('Operations'), 'Cancel', request, options);
      return answer.cancelling;
    },
    running: async (host, signal) => {
      const options = { signal, deadlineMs: SHORT_MS };
      const request = { all: false, limit: 1000 };
      const answer: ListOperationsResponse__Output = await callUnary(channelOf(host).client('Operations'), 'List', request, options);
      return answer.operations.map(({ operationId }) => operationId);
    },
    usage: (host, datastoreId, { create }, signal) =>
      callUnary(channelOf(host).client('Hosts'), 'Usage', { datastoreId, create }, { signal, deadlineMs: monitorMs }),
    diskSizes: async (host, datastoreId, signal) => {
      const options = { signal: AbortSignal.any([signal, AbortSignal.timeout(monitorMs)]) };
      const found: VmSizes[] = [];
      const answer: AsyncIterable<DiskSizesResponse__Output> = callStream(
        channelOf(host).client('Hosts'),
        'DiskSizes',
        { datastoreId },
        options,
      );
      for await (const { vms } of answer) found.push(...vms.map(sizesOf));
      return found;
    },
    mark: async (host, datastoreId, driver, signal) => {
      const request = { datastoreId, create: true, monitor: driver };
      await callUnary(channelOf(host).client('Hosts'), 'Usage', request, { signal, deadlineMs: monitorMs });
    },
    statOrigin: async (host, request, signal) => {
      const options = { signal, deadlineMs: statMs };
      const answer: StatOriginResponse__Output = await callUnary(channelOf(host).client('Images'), 'StatOrigin', request, options);
      return answer.sizeBytes;
    },
    inspect: (host, request, signal) => callStream(channelOf(host).client('Inspections'), 'Inspect', request, { signal }),
    openExport: (host, request, signal) => callUnary(channelOf(host).client('Transfers'), 'Open', request, { signal }),
    listBackup: (host, request, signal) => callUnary(channelOf(host).client('Backups'), 'List', request, { signal, deadlineMs: statMs }),
    backupUsage: (host, request, signal) =>
      callUnary(channelOf(host).client('Backups'), 'Usage', request, { signal, deadlineMs: monitorMs }),
    backupCatalog: (host, request, signal) =>
      callUnary(channelOf(host).client('Backups'), 'Catalog', request, { signal, deadlineMs: statMs }),
    setRevocations: async (host, list, signal) => {
      await callUnary(channelOf(host).client('Identities'), 'SetRevocations', { list }, { signal, deadlineMs: SHORT_MS });
    },
    get identity() {
      return identity;
    },
    reload: (fresh) => {
      identity = fresh;
      closeAll();
    },
    close: closeAll,
  };
}
