import type { CheckHostRequest__Output } from '../../proto/gen/onestorage/v1/CheckHostRequest.ts';
import type { CheckHostResponse } from '../../proto/gen/onestorage/v1/CheckHostResponse.ts';
import type { DescribeHostRequest__Output } from '../../proto/gen/onestorage/v1/DescribeHostRequest.ts';
import type { DescribeHostResponse } from '../../proto/gen/onestorage/v1/DescribeHostResponse.ts';
import type { DiskSizesRequest__Output } from '../../proto/gen/onestorage/v1/DiskSizesRequest.ts';
import type { DiskSizesResponse } from '../../proto/gen/onestorage/v1/DiskSizesResponse.ts';
import type { StatRequest__Output } from '../../proto/gen/onestorage/v1/StatRequest.ts';
import type { StatResponse } from '../../proto/gen/onestorage/v1/StatResponse.ts';
import type { UsageRequest__Output } from '../../proto/gen/onestorage/v1/UsageRequest.ts';
import type { UsageResponse } from '../../proto/gen/onestorage/v1/UsageResponse.ts';
import type { VmDiskSizes } from '../../proto/gen/onestorage/v1/VmDiskSizes.ts';
import { StorageError } from '../../runtime/errors.ts';
import type { VmSizes } from '../../runtime/monitord/template.ts';
import { OWN_WIRE } from '../../runtime/wire.ts';
import type { AgentContext } from '../context.ts';
import type { Monitoring } from '../monitor/start.ts';
import { checkHost } from '../operations/check-host.ts';
import { datastoreUsage, describeHost } from '../operations/describe-host.ts';
import { statPlaces } from '../operations/stat-places.ts';

/** Some hundred bytes each; a message may have 4 MiB. */
const VMS_A_MESSAGE = 500;

interface Call {
  readonly signal: AbortSignal;
  readonly peer: { readonly role: string };
}

/** What this host is and how full its datastores are. */
export function hostsService(agent: AgentContext, monitoring: Pick<Monitoring, 'measure'>) {
  return {
    Describe: async ({ brief, wire }: DescribeHostRequest__Output, { signal }: Pick<Call, 'signal'>): Promise<DescribeHostResponse> => {
      const { version, programs } = await describeHost(brief, signal);
      const { hostName, machineId, datastores } = agent;
      const capabilities = [...agent.operations.kinds()];
      return { hostName, machineId, version, programs: [...programs], datastores, capabilities, wire: wire ? [...OWN_WIRE] : [] };
    },
    Usage: async (request: UsageRequest__Output, { peer }: Pick<Call, 'peer'>): Promise<UsageResponse> => {
      // An admin's certificate may look at everything and change nothing.
      if ((request.create || request.monitor !== '') && peer.role !== 'controller')
        throw new StorageError('forbidden', `a ${peer.role} may not make a datastore`);
      const { total, used, free, marker } = await datastoreUsage(agent, request.datastoreId, {
        create: request.create,
        monitor: request.monitor,
      });
      return { totalBytes: total, usedBytes: used, freeBytes: free, monitor: marker ?? '' };
    },
    Check: async (_request: CheckHostRequest__Output): Promise<CheckHostResponse> => {
      const { staleFiles, staleFileCount, ...facts } = await checkHost(agent);
      return { ...facts, staleFiles: [...staleFiles], staleFileCount };
    },
    DiskSizes: async (
      { datastoreId }: DiskSizesRequest__Output,
      _call: Pick<Call, 'signal'>,
      send: (some: DiskSizesResponse) => Promise<void>,
    ): Promise<void> => {
      const vms = (await monitoring.measure(datastoreId)).map(toWire);
      for (let from = 0; from < vms.length; from += VMS_A_MESSAGE) await send({ vms: vms.slice(from, from + VMS_A_MESSAGE) });
    },
    Stat: async ({ places }: StatRequest__Output): Promise<StatResponse> => ({ states: await statPlaces(agent, places) }),
  };
}

function toWire({ id, disks }: VmSizes): VmDiskSizes {
  return {
    vmId: id,
    disks: disks.map((disk) => ({
      diskId: disk.id,
      allocatedBytes: disk.allocated,
      snapshots: disk.snapshots.map((snapshot) => ({ snapshotId: snapshot.id, allocatedBytes: snapshot.allocated })),
    })),
  };
}
