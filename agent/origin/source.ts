import { setTimeout as sleep } from 'node:timers/promises';
import { StorageError } from '../../runtime/errors.ts';

/** The raw bytes of an image, to be read once. */
export interface Source {
  /** For messages; holds no secret. */
  readonly label: string;
  /** Length of the raw bytes as announced; undefined: not known before the end. */
  readonly sizeBytes: number | undefined;
  /** Throws StorageError, RestartNeeded among them. Ending the iteration early closes the source. */
  readonly stream: AsyncIterable<Buffer>;
  close(): Promise<void>;
}

/** The transfer broke and cannot go on in the middle: what was written so far is worthless, a new start may work. */
export class RestartNeeded extends StorageError {}

/** Tries that are left for one image, over all its requests (curl's --retry 3 of contract 5.2). */
export class RetryBudget {
  #left: number;
  readonly #delayMs: number;

  constructor(tries = 3, delayMs = 3000) {
    this.#left = tries;
    this.#delayMs = delayMs;
  }

  get spent(): boolean {
    return this.#left <= 0;
  }

  /** Takes one try and waits before it. false: none is left. */
  async take(signal: AbortSignal): Promise<boolean> {
    if (this.spent) return false;
    this.#left -= 1;
    await sleep(this.#delayMs, undefined, { signal });
    return true;
  }
}
