import { asStorageError } from '../../runtime/errors.ts';
import type { FlowTools, Place, TransferTarget } from '../flows/flow.ts';
import type { Host } from '../hosts/directory.ts';
import type { UserOrders } from '../opennebula/user-orders.ts';
import { transferRequests } from './transfer.ts';

export interface Where {
  readonly host: Host;
  readonly place: Place;
}

/** What a step works on. */
interface Subjects {
  readonly source?: Where | undefined;
  readonly target?: Where | undefined;
  readonly origin?: string | undefined;
}

export interface Recorded extends Subjects {
  readonly step: string;
  readonly method: string;
  readonly host: Host;
}

/** What an agent would be asked, word by word. */
export interface Asked {
  readonly host: Host;
  readonly method: string;
  readonly request: object;
}

/** Tools that write down what they are asked for, and do nothing; what they give is what a success would. */
export class Recorder {
  readonly steps: Recorded[] = [];
  readonly asked: Asked[] = [];
  readonly remarks: string[] = [];
  /** How many steps there were when the flow committed. */
  committed: number | undefined;

  commit(): void {
    this.committed ??= this.steps.length;
  }

  note(host: Host, step: string, method: string, subjects: Subjects): void {
    this.steps.push({ host, step, method, ...subjects });
  }

  /** `real`: what only reads is asked of it. */
  tools(real: FlowTools): FlowTools {
    const nothing = { format: '', sizeBytes: 0, md5: '' };
    const header = { operation: { operationId: real.key, subject: real.key } };
    return {
      ...real,
      run: async (host, step, method, request) => {
        this.note(host, step, method, subjectsOf(host, request));
        this.asked.push({ host, method, request: { ...header, ...request } });
        return nothing;
      },
      transfer: async (step, source, target) => {
        const options = { ...header.operation, bytesPerSecond: real.bytesPerSecond, receiverMachineId: real.key };
        const { opened, request } = transferRequests(source, target, options);
        this.asked.push({ host: source.host, method: 'Transfers/Open', request: opened });
        this.asked.push({ host: target.host, method: 'Transfers/Receive', request });
        this.note(target.host, step, 'Transfers/Receive', { source, target: whereOf(target.host, placeOf(target)) });
        return nothing;
      },
      openExport: async (host, step, place) => {
        this.note(host, step, 'Transfers/Open', { source: { host, place } });
        return { capability: '', address: host.address, hostName: host.name, machineId: '' };
      },
      sameHost: (one, other) =>
        real.sameHost(one, other).catch((thrown: unknown) => {
          real.signal.throwIfAborted();
          this.remarks.push(`${asStorageError(thrown).message}: taken for two different hosts`);
          return false;
        }),
      usage: async (host, datastoreId) => {
        this.note(host, 'usage', 'Hosts/Usage', {});
        return await real.usage(host, datastoreId, { create: false });
      },
      tellDiskSizes: async (host) => this.note(host, 'disk sizes', 'Hosts/DiskSizes', {}),
      cancelOthers: async () => [],
      actAs: (userName) => readOnly(real.actAs(userName)),
      resetChain: () => undefined,
    };
  }
}

/** The ids are of nothing that is there. */
function readOnly(orders: UserOrders): UserOrders {
  const nothing = async (): Promise<number> => -1;
  return {
    ...orders,
    allocateImage: nothing,
    allocateTemplate: nothing,
    deleteImage: async () => undefined,
    deleteTemplate: async () => undefined,
  };
}

function placeOf(target: TransferTarget): unknown {
  if ('disk' in target) return target.disk.place;
  if ('image' in target) return target.image.place;
  return 'guest' in target ? target.guest.place : target.directory.place;
}

/** Requests name what they work on in the same few ways. */
function subjectsOf(host: Host, request: object): Subjects {
  const field = (value: unknown, name: string): unknown => Reflect.get(Object(value), name);
  const disk: unknown = field(request, 'disk');
  const own = whereOf(host, disk) ?? whereOf(host, field(disk, 'place'));
  const source = whereOf(host, field(request, 'source'));
  const target = whereOf(host, field(request, 'target')) ?? whereOf(host, field(request, 'directory'));
  const origin: unknown = field(field(request, 'origin'), 'path');
  const text = typeof origin === 'string' ? origin : undefined;
  // A disk beside a target is what is read; alone it is what changes.
  return target === undefined ? { source, target: own, origin: text } : { source: source ?? own, target, origin: text };
}

function whereOf(host: Host, value: unknown): Where | undefined {
  const place = Object(value);
  const datastoreId: unknown = Reflect.get(place, 'datastoreId');
  const path: unknown = Reflect.get(place, 'path');
  return typeof datastoreId === 'number' && typeof path === 'string' ? { host, place: { datastoreId, path } } : undefined;
}
