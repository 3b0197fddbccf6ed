import { setTimeout as sleep } from 'node:timers/promises';

const SLICE_MS = 100;

/** At most so many looks at the file system a second, spread over tenths of a second: measuring is never a storm. */
export class Pace {
  readonly #perSlice: number;
  #left = 0;
  #since = Number.NEGATIVE_INFINITY;
  #looks = 0;

  constructor(perSecond: number) {
    this.#perSlice = Math.max(1, Math.floor((perSecond * SLICE_MS) / 1000));
  }

  /** How many there were. */
  get looks(): number {
    return this.#looks;
  }

  /** Waits until there may be one more. Throws what the signal was aborted with. */
  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    for (;;) {
      const now = performance.now();
      if (now - this.#since >= SLICE_MS) {
        this.#since = now;
        this.#left = this.#perSlice;
      }
      if (this.#left > 0) break;
      await sleep(SLICE_MS - (now - this.#since), undefined, { signal });
    }
    this.#left -= 1;
    this.#looks += 1;
  }
}
