import type { Logger } from '../log.ts';
import type { Measured, Operations } from '../operations/operations.ts';
import type { MetricsListener } from './listener.ts';
import type { Metrics } from './metrics.ts';
import type { OperationLabels } from './operations.ts';
import type { ProcessFacts } from './process.ts';

export interface MetricsOptions extends ProcessFacts {
  /** host:port, or `off`. */
  readonly listen: string;
  readonly operations: Operations;
  readonly labelsOf: (operation: Measured) => OperationLabels;
  /** Lines that the audit log could not write. */
  readonly lostLines: () => number;
  /** What only this daemon knows. */
  readonly measureMore: (metrics: Metrics) => void;
  readonly log: Logger;
}

export interface StartedMetrics extends Pick<MetricsListener, 'stop'> {
  readonly port: number | undefined;
  /** Something happened that is counted; nobody is called when the metrics are off. */
  tell(count: (metrics: Metrics) => void): void;
}

/**
 * Measures and listens, from before the recovery on. `off`: nothing is loaded and nothing is counted. An address that cannot be used is an
 * error in the log: no daemon stops serving storage because nobody can watch it.
 */
export async function startMetrics(options: MetricsOptions): Promise<StartedMetrics> {
  const { listen, log } = options;
  const none = { port: undefined, stop: async () => undefined, tell: () => undefined };
  if (listen === 'off') return none;
  const [{ Metrics: Registry }, { measureOperations }, { measureProcess }, { listenForScrapes }] = await Promise.all([
    import('./metrics.ts'),
    import('./operations.ts'),
    import('./process.ts'),
    import('./listener.ts'),
  ]);
  const metrics = new Registry(options.daemon);
  measureProcess(metrics, options);
  measureOperations(metrics, options.operations, options.labelsOf);
  metrics.beforeScrape(() => metrics.replace('onestorage_audit_lost_lines_total', [[{}, options.lostLines()]]));
  options.measureMore(metrics);
  try {
    const listener = await listenForScrapes(listen, metrics, log);
    return { ...listener, tell: (count) => count(metrics) };
  } catch (thrown) {
    log.error({ err: thrown }, 'no metrics');
    return none;
  }
}
