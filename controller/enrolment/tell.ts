import { setTimeout as sleep } from 'node:timers/promises';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import type { Host } from '../hosts/directory.ts';
import { type Answer, askHosts } from '../looks/ask-hosts.ts';

export interface TellOptions {
  /** Every host there is now. */
  readonly hosts: () => readonly Host[];
  /** The list as it is now; undefined: nothing was ever revoked. */
  readonly list: () => Promise<string | undefined>;
  readonly tell: (host: Host, list: string, signal: AbortSignal) => Promise<void>;
  readonly log: Logger;
  /** Between two looks for hosts that do not have the newest list. */
  readonly intervalMs: number;
}

export interface Told {
  readonly host: string;
  /** Why it has not got it; undefined: it has. */
  readonly failure: string | undefined;
}

/**
 * Brings the revocation list to the agents: at once when something is revoked, and again to those who did not answer. An agent that was down also
 * asks by itself when it starts.
 */
export class Telling {
  readonly #options: TellOptions;
  readonly #ended = new AbortController();
  /** The list that each host has, by address. */
  readonly #had = new Map<string, string>();

  constructor(options: TellOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#ended.abort(new StorageError('cancelled', 'the controller stops'));
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      await this.tellAll().catch((thrown: unknown) => {
        this.#options.log.warn({ error: asStorageError(thrown).message }, 'the revocation list was not told');
      });
      await sleep(this.#options.intervalMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Tells every host that does not have it. Throws when there is no list that can be read. */
  async tellAll(): Promise<readonly Told[]> {
    const list = await this.#options.list();
    if (list === undefined) return [];
    const missing = this.#options.hosts().filter(({ address }) => this.#had.get(address) !== list);
    const answers = await askHosts(missing, (host, signal) => this.#options.tell(host, list, signal), this.#ended.signal);
    return answers.map((answer) => this.#note(answer, list));
  }

  #note({ host, failure }: Answer<void>, list: string): Told {
    if (failure === undefined) this.#had.set(host.address, list);
    return { host: host.name, failure: failure?.message };
  }
}
