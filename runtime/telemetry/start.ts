import { hostname } from 'node:os';
import type { Logger } from '../log.ts';
import type { Daemon } from '../metrics/table.ts';
import type { Operations } from '../operations/operations.ts';
import type { TelemetryConfig } from './config.ts';
import type { Told } from './spans.ts';

export interface TelemetryOptions {
  readonly daemon: Daemon;
  readonly version: string;
  readonly config: TelemetryConfig;
  readonly operations: Operations;
  /** What an operation is called; its kind, when this is not there. */
  readonly nameOf?: (operation: Pick<Told, 'kind'> & { readonly input: unknown }) => string;
  readonly log: Logger;
}

export interface Telemetry {
  /** A call that became no operation. */
  tell(told: Told): void;
  stop(): Promise<void>;
}

/** Tells a collector of every operation that ends. Without an endpoint nothing is loaded, and nothing done. */
export async function startTelemetry({ daemon, version, config, operations, nameOf, log }: TelemetryOptions): Promise<Telemetry> {
  const { endpoint, headers } = config;
  if (endpoint === undefined) return { tell: () => undefined, stop: async () => undefined };
  const [{ SpanExport }, { spansOf, text }] = await Promise.all([import('./export.ts'), import('./spans.ts')]);
  const resource = [text('service.name', `onestorage-${daemon}`), text('service.version', version), text('host.name', hostname())];
  const spans = new SpanExport({ endpoint, headers, resource, version, log });
  operations.observe((ended) => spans.add(spansOf({ ...ended, kind: nameOf?.(ended) ?? ended.kind })));
  return { tell: (told) => spans.add(spansOf(told)), stop: () => spans.stop() };
}
