import { setTimeout as sleep } from 'node:timers/promises';
import { asStorageError, StorageError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Identity } from './identity.ts';

export interface RenewalOptions {
  readonly identity: () => Identity;
  /** Gets a new certificate and makes the daemon use it. Throws: it is tried again at the next look. */
  readonly renew: (signal: AbortSignal) => Promise<void>;
  /** Between two looks. */
  readonly intervalMs: number;
  readonly log: Logger;
}

/** Is less than a third of its time left? Then there is time for many attempts. */
export function isDue({ notBefore, notAfter }: Pick<Identity, 'notBefore' | 'notAfter'>, now: number): boolean {
  return notAfter.getTime() - now < (notAfter.getTime() - notBefore.getTime()) / 3;
}

/** Renews a daemon's certificate when it is time, for as long as the daemon runs. */
export class Renewal {
  readonly #options: RenewalOptions;
  readonly #ended = new AbortController();

  constructor(options: RenewalOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#ended.abort(new StorageError('cancelled', 'the daemon stops'));
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      await this.#look(signal);
      await sleep(this.#options.intervalMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { identity, renew, log } = this.#options;
    if (!isDue(identity(), Date.now())) return;
    try {
      await renew(signal);
      log.info({ until: identity().notAfter.toISOString() }, 'the certificate was renewed');
    } catch (thrown) {
      if (signal.aborted) return;
      log.warn({ error: asStorageError(thrown).message, until: identity().notAfter.toISOString() }, 'the certificate could not be renewed');
    }
  }
}
