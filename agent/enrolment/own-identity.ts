import { setTimeout as sleep } from 'node:timers/promises';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { Identity } from '../../runtime/identity/identity.ts';
import { Renewal } from '../../runtime/identity/renewal.ts';
import type { Logger } from '../../runtime/log.ts';
import { fetchRevocations, renewIdentity } from './renew.ts';

export interface OwnIdentityOptions {
  /** Between two looks whether the certificate ends soon, and for a revocation list that did not reach this host. */
  readonly intervalMs: number;
  readonly log: Logger;
}

/** The identity of a running agent: renewed in time, and told whom not to trust. Nothing of it needs a restart. */
export class OwnIdentity {
  readonly #options: OwnIdentityOptions;
  readonly #ended = new AbortController();
  readonly #renewal: Renewal;
  #current: Identity;
  #use: (identity: Identity) => void = () => undefined;

  constructor(identity: Identity, options: OwnIdentityOptions) {
    this.#current = identity;
    this.#options = options;
    const { intervalMs, log } = options;
    this.#renewal = new Renewal({ identity: () => this.#current, renew: (signal) => this.#renew(signal), intervalMs, log });
  }

  get current(): Identity {
    return this.#current;
  }

  /** `use` makes the running service show a new identity. */
  start(use: (identity: Identity) => void): void {
    this.#use = use;
    this.#renewal.start();
    void this.#askForRevocations();
  }

  stop(): void {
    this.#renewal.stop();
    this.#ended.abort(new StorageError('cancelled', 'the agent stops'));
  }

  async #renew(signal: AbortSignal): Promise<void> {
    this.#current = await renewIdentity(this.#current, this.#options.log, signal);
    this.#use(this.#current);
  }

  async #askForRevocations(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      await fetchRevocations(this.#current, signal).catch((thrown: unknown) => {
        // A controller that is down tells when it is back.
        if (!signal.aborted)
          this.#options.log.debug({ error: asStorageError(thrown).message }, 'the revocation list could not be asked for');
      });
      await sleep(this.#options.intervalMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
