import { setTimeout as sleep } from 'node:timers/promises';
import { asStorageError, plainNetworkText } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Attribute, Span } from './spans.ts';

export interface ExportOptions {
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Who tells: `service.name` and the like. */
  readonly resource: readonly Attribute[];
  readonly version: string;
  readonly log: Logger;
  /** How long spans are gathered, and how long a request that failed waits; for tests. */
  readonly everyMs?: number;
}

const EVERY_MS = 5000;
const REQUEST_MS = 10_000;
const MAX_BATCH = 512;
/** A collector that is away costs no more memory than this; the oldest spans go first. */
const MAX_WAITING = 4096;
/** What a collector says when it is worth to ask again (OTLP/HTTP, "Retryable Response Codes"). */
const AGAIN = new Set([429, 502, 503, 504]);

/** Sends spans to a collector: OTLP over HTTP, in JSON. It never throws and holds nobody up. */
export class SpanExport {
  readonly #options: ExportOptions;
  readonly #url: string;
  readonly #ended = new AbortController();
  #waiting: Span[] = [];
  #lost = 0;
  #running: Promise<void> | undefined;
  #lastProblem = '';

  constructor(options: ExportOptions) {
    this.#options = options;
    this.#url = `${options.endpoint.replace(/\/+$/u, '')}/v1/traces`;
  }

  add(spans: readonly Span[]): void {
    this.#waiting.push(...spans);
    this.#lost += this.#waiting.splice(0, Math.max(0, this.#waiting.length - MAX_WAITING)).length;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Sends what waits, once: what cannot be sent now is lost. */
  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#running;
    if (this.#waiting.length > 0) await this.#sendBatch();
  }

  /** An idle daemon does nothing for it: the loop ends with the last span. */
  async #run(): Promise<void> {
    const { everyMs = EVERY_MS } = this.#options;
    while (this.#waiting.length > 0 && !this.#ended.signal.aborted) {
      await sleep(everyMs, undefined, { signal: this.#ended.signal, ref: false }).catch(() => undefined);
      if (!this.#ended.signal.aborted) await this.#sendBatch();
    }
  }

  async #sendBatch(): Promise<void> {
    const batch = this.#waiting.splice(0, MAX_BATCH);
    const problem = await this.#post(batch);
    if (problem === undefined) this.#tell('');
    else {
      // Before all that came meanwhile.
      if (problem.again) this.#waiting.unshift(...batch);
      else this.#lost += batch.length;
      this.#tell(problem.text);
    }
  }

  async #post(spans: readonly Span[]): Promise<{ readonly text: string; readonly again: boolean } | undefined> {
    const { headers, resource, version } = this.#options;
    const scopeSpans = [{ scope: { name: 'onestorage', version }, spans }];
    try {
      const { ok, status } = await fetch(this.#url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ resourceSpans: [{ resource: { attributes: resource }, scopeSpans }] }),
        signal: AbortSignal.timeout(REQUEST_MS),
        redirect: 'error',
      });
      return ok ? undefined : { text: `it answers with status ${status}`, again: AGAIN.has(status) };
    } catch (thrown) {
      const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
      return { text: plainNetworkText(asStorageError(cause).message), again: true };
    }
  }

  /** A collector may be away for days: one line when that changes. */
  #tell(problem: string): void {
    const { log, endpoint } = this.#options;
    if (problem !== '' && problem !== this.#lastProblem) {
      log.warn({ endpoint, error: problem, lost: this.#lost }, 'the collector of OpenTelemetry does not take spans');
    } else if (problem === '' && this.#lastProblem !== '') {
      log.info({ endpoint, lost: this.#lost }, 'the collector of OpenTelemetry takes spans again');
    }
    this.#lastProblem = problem;
  }
}
