import { setTimeout as delay } from 'node:timers/promises';

export interface BackgroundOptions {
  /** A scrape within this time after a look sees what that found. */
  readonly freshMs: number;
  /** How long a scrape waits for a look. */
  readonly waitMs: number;
}

/** Looks when a scrape comes, one look at a time, and holds no scrape up for one that takes long. `look` may not throw. */
export function inBackground(look: () => Promise<void>, { freshMs, waitMs }: BackgroundOptions): () => Promise<void> {
  let looking: Promise<void> | undefined;
  let looked = Number.NEGATIVE_INFINITY;
  return async () => {
    if (looking === undefined && performance.now() - looked > freshMs) {
      looking = look().finally(() => {
        looking = undefined;
        looked = performance.now();
      });
    }
    if (looking === undefined) return;
    const over = new AbortController();
    await Promise.race([looking, delay(waitMs, undefined, { signal: over.signal, ref: false })]);
    over.abort();
  };
}
