import { setTimeout as sleep } from 'node:timers/promises';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import type { HostedDatastore } from '../opennebula/hosted-datastores.ts';
import type { AgentCalls } from './agent-calls.ts';
import type { HostDirectory } from './directory.ts';

export interface MarkingOptions {
  /** 0: never. */
  readonly intervalMs: number;
  readonly datastores: (signal: AbortSignal) => Promise<readonly HostedDatastore[]>;
  readonly hosts: HostDirectory;
  readonly agents: Pick<AgentCalls, 'mark'>;
  readonly log: Logger;
}

/** Hosts that are asked at once: one that does not answer holds up no more than its own turn. */
const AT_ONCE = 8;

/**
 * Gives every local system datastore its directory and its marker on all of its hosts, at the start and from then on. Without it OpenNebula's
 * probes tell nothing of a datastore before its first disk, and the scheduler does not know its space.
 */
export class Marking {
  readonly #options: MarkingOptions;
  readonly #ended = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: MarkingOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#options.intervalMs > 0) this.#running ??= this.#run();
  }

  stop(): void {
    this.#ended.abort(new StorageError('cancelled', 'the controller stops'));
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended;
    const { log, intervalMs } = this.#options;
    while (!signal.aborted) {
      try {
        await this.markAll();
      } catch (thrown) {
        if (!signal.aborted) log.warn({ error: asStorageError(thrown).message }, 'system datastores were not marked on their hosts');
      }
      await sleep(intervalMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** One round. Throws when OpenNebula does not answer; a host that does not is left for the next round. */
  async markAll(): Promise<void> {
    const { signal } = this.#ended;
    const wanted = (await this.#options.datastores(signal)).flatMap(({ id, driver, hostNames }) =>
      hostNames.map((hostName) => ({ id, driver, hostName })),
    );
    const queue = wanted.values();
    const worker = async (): Promise<void> => {
      for (const { id, driver, hostName } of queue) await this.#markOne(hostName, id, driver);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    signal.throwIfAborted();
  }

  async #markOne(hostName: string, datastoreId: number, driver: string): Promise<void> {
    const { hosts, agents, log } = this.#options;
    const { signal } = this.#ended;
    if (signal.aborted) return;
    try {
      await agents.mark(hosts.find(hostName), datastoreId, driver, signal);
    } catch (thrown) {
      const { reason, message } = asStorageError(thrown);
      // A host that is down, or has no agent, is nothing new every ten minutes.
      const level = reason === 'unreachable' || reason === 'unknown_host' || signal.aborted ? 'debug' : 'warn';
      log[level]({ host: hostName, datastore: datastoreId, error: message }, 'a system datastore was not marked');
    }
  }
}
