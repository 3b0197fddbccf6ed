import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { type Daemon, type LabelsOf, METRICS, type MetricName, type NameOf } from './table.ts';

type Meter = Counter | Gauge | Histogram;
type Collector = () => void | Promise<void>;

/** One value of a metric, with its labels. */
export type Sample<N extends MetricName> = readonly [labels: LabelsOf<N>, value: number];

/** The metrics of one daemon. What is not counted as it happens is read when somebody asks. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #meters = new Map<MetricName, Meter>();
  readonly #collectors: Collector[] = [];
  #scrape: Promise<string> | undefined;

  constructor(daemon: Daemon) {
    for (const name of Object.keys(METRICS) as MetricName[]) {
      const { type, help, labels, on } = METRICS[name];
      if (!on.some((known) => known === daemon)) continue;
      const row = METRICS[name];
      const options = { name, help, labelNames: [...labels], registers: [this.#registry] };
      if (type === 'counter') this.#meters.set(name, new Counter(options));
      else if (type === 'gauge') this.#meters.set(name, new Gauge(options));
      else this.#meters.set(name, new Histogram({ ...options, buckets: 'buckets' in row ? [...row.buckets] : [] }));
    }
  }

  observe<N extends NameOf<'histogram'>>(name: N, labels: LabelsOf<N>, value: number): void {
    const meter = this.#meters.get(name);
    if (meter instanceof Histogram) meter.observe(labels, value);
  }

  add<N extends NameOf<'counter'>>(name: N, labels: LabelsOf<N>, value = 1): void {
    const meter = this.#meters.get(name);
    if (meter instanceof Counter) meter.inc(labels, value);
  }

  /** All values of a metric at once; what was there before goes. A counter set this way must not fall. */
  replace<N extends NameOf<'counter' | 'gauge'>>(name: N, samples: readonly Sample<N>[]): void {
    const meter = this.#meters.get(name);
    if (meter === undefined || meter instanceof Histogram) return;
    meter.reset();
    for (const [labels, value] of samples) meter.inc(labels, value);
  }

  /** Is run before every scrape. It must end soon, and may not throw. */
  beforeScrape(collect: Collector): void {
    this.#collectors.push(collect);
  }

  /** The exposition format, text version 0.0.4. Two that ask at once get the same. */
  async text(): Promise<string> {
    this.#scrape ??= this.#collect().finally(() => {
      this.#scrape = undefined;
    });
    return await this.#scrape;
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async #collect(): Promise<string> {
    for (const collect of this.#collectors) await collect();
    return await this.#registry.metrics();
  }
}
