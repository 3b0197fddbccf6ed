import { readdir } from 'node:fs/promises';
import type { Metrics } from './metrics.ts';
import type { Daemon } from './table.ts';

export interface ProcessFacts {
  readonly daemon: Daemon;
  readonly version: string;
  /** End of the daemon's own certificate, which is renewed while it runs. */
  readonly notAfter: () => Date;
}

/** What every daemon tells of itself. Read when asked: an idle daemon does nothing for it. */
export function measureProcess(metrics: Metrics, { daemon, version, notAfter }: ProcessFacts): void {
  metrics.replace('onestorage_build_info', [[{ version, daemon }, 1]]);
  metrics.replace('process_start_time_seconds', [[{}, Math.round(performance.timeOrigin) / 1000]]);
  metrics.beforeScrape(async () => {
    metrics.replace('onestorage_certificate_not_after_timestamp_seconds', [[{}, notAfter().getTime() / 1000]]);
    const { user, system } = process.cpuUsage();
    metrics.replace('process_cpu_seconds_total', [[{}, (user + system) / 1e6]]);
    metrics.replace('process_resident_memory_bytes', [[{}, process.memoryUsage.rss()]]);
    const files = await readdir('/proc/self/fd').catch(() => []);
    metrics.replace('process_open_fds', [[{}, files.length]]);
  });
}
