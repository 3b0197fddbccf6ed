import { readdir } from 'node:fs/promises';
import { inBackground } from '../runtime/metrics/background.ts';
import type { Metrics } from '../runtime/metrics/metrics.ts';
import { datastoreRoot } from './backends/file/places.ts';
import { type Usage, usage } from './backends/file/usage.ts';

/** A scrape within this time sees the figures of the last look. */
const FRESH_MS = 15_000;
/** What was not seen for this long is not told any more: a file system that hangs must not look healthy. */
const STALE_MS = 300_000;
/** How long a scrape waits for a look. */
const WAIT_MS = 500;
const MAX_DATASTORES = 256;

interface Seen extends Usage {
  readonly at: number;
}

/**
 * How full the datastores of this host are. One look at a time, one datastore after the other: a file system that hangs costs one thread of
 * the pool, not all of them.
 */
export function measureDatastores(metrics: Metrics, datastores: string): void {
  const seen = new Map<string, Seen>();
  const look = async (): Promise<void> => {
    const names = await readdir(datastores).catch(() => []);
    const ids = names.filter((name) => /^\d{1,9}$/u.test(name)).slice(0, MAX_DATASTORES);
    for (const id of seen.keys()) if (!ids.includes(id)) seen.delete(id);
    for (const id of ids) {
      const found = await usage(datastoreRoot(datastores, Number(id)), { create: false }).catch(() => undefined);
      if (found !== undefined) seen.set(id, { ...found, at: performance.now() });
    }
  };
  const refresh = inBackground(look, { freshMs: FRESH_MS, waitMs: WAIT_MS });
  metrics.beforeScrape(async () => {
    await refresh();
    const now = performance.now();
    const rows = [...seen].filter(([, { at }]) => now - at < STALE_MS);
    const samples = (of: (found: Usage) => number): (readonly [{ readonly datastore: string }, number])[] =>
      rows.map(([datastore, found]) => [{ datastore }, of(found)]);
    metrics.replace(
      'onestorage_datastore_size_bytes',
      samples(({ total }) => total),
    );
    metrics.replace(
      'onestorage_datastore_used_bytes',
      samples(({ used }) => used),
    );
    metrics.replace(
      'onestorage_datastore_free_bytes',
      samples(({ free }) => free),
    );
  });
}
