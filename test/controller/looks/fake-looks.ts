import type { AgentLooks } from '../../../controller/hosts/agent-looks.ts';
import type { Host } from '../../../controller/hosts/directory.ts';
import type { CheckHostResponse__Output } from '../../../proto/gen/onestorage/v1/CheckHostResponse.ts';
import type { OperationRecord__Output } from '../../../proto/gen/onestorage/v1/OperationRecord.ts';
import { StorageError } from '../../../runtime/errors.ts';

const DAY = 24 * 3600 * 1000;

export function healthy(hostName: string, more: Partial<CheckHostResponse__Output> = {}): CheckHostResponse__Output {
  return {
    hostName,
    machineId: `machine-of-${hostName}`,
    version: '0.1.0',
    datastores: '/var/lib/one/datastores',
    clockUnixMs: Date.now(),
    certificateNotAfterUnixMs: Date.now() + 400 * DAY,
    missingPrograms: [],
    datastoresProblem: '',
    stateDirectory: '/var/lib/onestorage/agent',
    stateFreeBytes: 2 ** 40,
    journalBytes: 2 ** 20,
    dataPorts: 100,
    freeDataPorts: 100,
    staleFiles: [],
    staleFileCount: 0,
    runningOperations: 0,
    remotes: '/var/tmp/one',
    shimSha256: '',
    ...more,
  };
}

/** Agents that are only looked at: a name in `dead` never answers, one in `refused` answers with an error. */
export class FakeLooks implements AgentLooks {
  readonly dead = new Set<string>();
  readonly refused = new Set<string>();
  readonly checks = new Map<string, Partial<CheckHostResponse__Output>>();
  readonly markers = new Map<string, string>();
  /** `host01:107/9` */
  readonly files = new Map<string, { readonly type: string; readonly bytes: number }>();
  records_ = new Map<string, readonly OperationRecord__Output[]>();

  check: AgentLooks['check'] = (host, signal) => this.#answer(host, signal, healthy(host.name, this.checks.get(host.name)));

  space: AgentLooks['space'] = (host, datastoreId, signal) => {
    const monitor = this.markers.get(host.name) ?? '';
    return this.#answer(host, signal, { totalBytes: 100, usedBytes: datastoreId, freeBytes: 50, monitor });
  };

  stat: AgentLooks['stat'] = (host, places, signal) => {
    const states = places.map(({ datastoreId, path }) => {
      const { type, bytes } = this.files.get(`${host.name}:${datastoreId}/${path}`) ?? { type: '', bytes: 0 };
      return { type, sizeBytes: bytes, allocatedBytes: bytes };
    });
    return this.#answer(host, signal, states);
  };

  records: AgentLooks['records'] = (host, signal) => this.#answer(host, signal, this.records_.get(host.name) ?? []);

  async #answer<T>(host: Host, signal: AbortSignal, value: T): Promise<T> {
    if (this.refused.has(host.name)) throw new StorageError('unreachable', `${host.name} does not answer: connection refused`);
    if (!this.dead.has(host.name)) return value;
    // Not even the signal helps, as with a call that hangs in the kernel.
    return await new Promise<never>(() => signal.throwIfAborted());
  }
}
