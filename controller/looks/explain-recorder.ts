import type { FlowTools, Place, TransferTarget } from '../flows/flow.ts';
import type { Host } from '../hosts/directory.ts';

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

interface Recorded extends Subjects {
  readonly step: string;
  readonly method: string;
  readonly host: Host;
}

/** Tools that write down what they are asked for, and do nothing; what they give is what a success would. */
export class Recorder {
  readonly steps: Recorded[] = [];
  readonly remarks: string[] = [];
  /** How many steps there were when the flow committed. */
  committed: number | undefined;

  commit(): void {
    this.committed ??= this.steps.length;
  }

  note(host: Host, step: string, method: string, subjects: Subjects): void {
    this.steps.push({ host, step, method, ...subjects });
  }

  get tools(): Pick<FlowTools, 'run' | 'transfer' | 'openExport'> {
    const nothing = { format: '', sizeBytes: 0, md5: '' };
    return {
      run: async (host, step, method, request) => {
        this.note(host, step, method, subjectsOf(host, request));
        return nothing;
      },
      transfer: async (step, source, target) => {
        this.note(target.host, step, 'Transfers/Receive', { source, target: whereOf(target.host, placeOf(target)) });
        return nothing;
      },
      openExport: async (host, step, place) => {
        this.note(host, step, 'Transfers/Open', { source: { host, place } });
        return { capability: '', address: host.address, hostName: host.name, machineId: '' };
      },
    };
  }
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
