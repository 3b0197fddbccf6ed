import type { DiskSizes, VmSizes } from '../../runtime/monitord/template.ts';
import { formatBytes } from '../../runtime/units.ts';
import type { AgentCalls } from '../hosts/agent-calls.ts';
import type { AgentLooks } from '../hosts/agent-looks.ts';
import type { Where } from '../operations/recorder.ts';
import { askHost, type Unanswered } from './ask-hosts.ts';

export interface ExplainedPlace {
  readonly host: string;
  readonly address: string;
  /** `107/9/disk.0` */
  readonly place: string;
  /** What is there now, in bytes; of a machine what its disks take at least. undefined: there is nothing, or nobody could look. */
  readonly bytes: number | undefined;
  readonly there: boolean | undefined;
}

export interface ExplainedSpace {
  readonly host: string;
  readonly datastoreId: number;
  /** Allocated bytes of what is copied; undefined: not known before it is read. */
  readonly needsBytes: number | undefined;
  /** undefined: the datastore is not there yet, or nobody could look. */
  readonly freeBytes: number | undefined;
}

interface Services {
  readonly looks: Pick<AgentLooks, 'stat' | 'space'>;
  readonly calls: Pick<AgentCalls, 'diskSizes'>;
  readonly signal: AbortSignal;
}

/** Asks hosts how large things are. Who does not answer leaves a size unknown. */
export class Measurer {
  readonly #services: Services;
  /** By host and datastore: the steps of a move ask for the same. */
  readonly #machines = new Map<string, Promise<readonly VmSizes[]>>();

  constructor(services: Services) {
    this.#services = services;
  }

  async place(where: Where | undefined): Promise<ExplainedPlace | undefined> {
    if (where === undefined) return undefined;
    const { host, place } = where;
    const { looks, signal } = this.#services;
    const { value } = await askHost(host, (one, each) => looks.stat(one, [place], each), signal);
    const state = value?.[0];
    const there = state === undefined ? undefined : state.type !== '';
    // The size of a directory is that of its list of names.
    const bytes = state?.type === 'directory' ? await this.#machine(where) : there === true ? state?.allocatedBytes : undefined;
    return { host: host.name, address: host.address, place: `${place.datastoreId}/${place.path}`, bytes, there };
  }

  async space(target: Where | undefined, needsBytes: number | undefined): Promise<ExplainedSpace | undefined> {
    if (target === undefined) return undefined;
    const { datastoreId } = target.place;
    const { looks, signal } = this.#services;
    const { value } = await askHost(target.host, (one, each) => looks.space(one, datastoreId, each), signal);
    return { host: target.host.name, datastoreId, needsBytes, freeBytes: value?.freeBytes };
  }

  async #machine({ host, place: { datastoreId, path } }: Where): Promise<number | undefined> {
    const { calls, signal } = this.#services;
    const key = `${host.address} ${datastoreId}`;
    const asked =
      this.#machines.get(key) ??
      askHost(host, (one, each) => calls.diskSizes(one, datastoreId, each), signal).then(({ value = [] }) => value);
    this.#machines.set(key, asked);
    const vm = (await asked).find(({ id }) => String(id) === path);
    return vm === undefined ? undefined : sum(vm.disks.map(atLeast));
  }
}

/** Snapshots that are layers are in the size of the disk already, those that are copies are not: which they are is not told. */
function atLeast({ allocated, snapshots }: DiskSizes): number {
  return Math.max(allocated, sum(snapshots.map((snapshot) => snapshot.allocated)));
}

function sum(sizes: readonly number[]): number {
  return sizes.reduce((all, one) => all + one, 0);
}

/** Why a step would fail, by the space there is now. */
export function noSpace({ space }: { readonly space: ExplainedSpace | undefined }): Unanswered | undefined {
  if (space?.needsBytes === undefined || space.freeBytes === undefined || space.needsBytes <= space.freeBytes) return undefined;
  const { host, datastoreId, needsBytes, freeBytes } = space;
  const text = `no space left in datastore ${datastoreId} on ${host} (needs ${formatBytes(needsBytes)}, has ${formatBytes(freeBytes)})`;
  return { reason: 'no_space', message: text };
}
