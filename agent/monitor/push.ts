import { setTimeout as sleep } from 'node:timers/promises';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import { sendSizes, TOO_MANY } from '../../runtime/monitord/send.ts';
import type { VmSizes } from '../../runtime/monitord/template.ts';
import { learnMonitord } from './monitord.ts';
import type { MonitordConfig } from './monitord-config.ts';

export interface PushOptions {
  readonly config: MonitordConfig;
  readonly sizes: () => readonly VmSizes[];
  readonly log: Logger;
}

/** How soon to look again for an onemonitord that is not known yet. */
const RETRY_MS = 30_000;

/** Tells onemonitord the sizes of all disks, as often as it asks its probes for them. */
export class Push {
  readonly #options: PushOptions;
  readonly #ended = new AbortController();
  #running: Promise<void> | undefined;
  #lastProblem = '';

  constructor(options: PushOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** The datagram that is being sent is sent, and nothing after it. */
  async stop(): Promise<void> {
    this.#ended.abort(new StorageError('cancelled', 'the agent stops'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      const pause = await this.#round();
      await sleep(pause, undefined, { signal }).catch(() => undefined);
    }
  }

  /** One report. Gives the pause after it, in milliseconds. */
  async #round(): Promise<number> {
    const { config, sizes, log } = this.#options;
    try {
      const monitord = await learnMonitord(config);
      const sender = { ...monitord, epoch: Math.floor(Date.now() / 1000) };
      const { datagrams, left } = await sendSizes(sizes(), monitord, sender, this.#ended.signal);
      if (left.length > 0) log.warn({ vms: left }, TOO_MANY);
      log.debug({ address: monitord.address, port: monitord.port, datagrams }, 'sizes of disks reported');
      this.#lastProblem = '';
      return monitord.intervalMs;
    } catch (thrown) {
      if (this.#ended.signal.aborted) return 0;
      const { message } = asStorageError(thrown, 'tell onemonitord the sizes of disks');
      // It stays the same for hours when oned has not started its probes.
      log[message === this.#lastProblem ? 'debug' : 'warn']({ error: message }, 'sizes of disks were not reported');
      this.#lastProblem = message;
      return RETRY_MS;
    }
  }
}
