import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { z } from 'zod';

/** What OTLP/HTTP takes as JSON (opentelemetry-proto, collector/trace/v1 and trace/v1): names in lowerCamelCase, ids in hex, 64-bit numbers as text. */
const attributes = z.array(
  z.strictObject({
    key: z.string().min(1),
    value: z.union([z.strictObject({ stringValue: z.string() }), z.strictObject({ intValue: z.string().regex(/^-?\d+$/) })]),
  }),
);
const spanId = z.string().regex(/^(?!0{16})[0-9a-f]{16}$/);
const nanoseconds = z.string().regex(/^\d{19}$/);
const span = z
  .strictObject({
    traceId: z.string().regex(/^(?!0{32})[0-9a-f]{32}$/),
    spanId,
    parentSpanId: spanId.optional(),
    name: z.string().min(1),
    kind: z.int().min(1).max(5),
    startTimeUnixNano: nanoseconds,
    endTimeUnixNano: nanoseconds,
    attributes,
    status: z.strictObject({ code: z.int().min(0).max(2), message: z.string().optional() }),
  })
  .refine(({ startTimeUnixNano, endTimeUnixNano }) => BigInt(endTimeUnixNano) >= BigInt(startTimeUnixNano), 'ends before it starts');
const traces = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes }),
      scopeSpans: z.array(
        z.strictObject({ scope: z.strictObject({ name: z.string(), version: z.string() }), spans: z.array(span).min(1) }),
      ),
    }),
  ),
});

export interface ReceivedSpan extends z.infer<typeof span> {
  readonly service: string;
}

export interface Collector {
  readonly endpoint: string;
  readonly port: number;
  readonly spans: readonly ReceivedSpan[];
  readonly headers: readonly Readonly<Record<string, unknown>>[];
  readonly refused: readonly string[];
  /** Status of the answers from now on; 200: it takes what is right, and refuses anything else with 400. */
  answer: number;
  stop(): Promise<void>;
}

/** A collector of OpenTelemetry: takes POST /v1/traces in JSON, and only what is OTLP. */
export async function startCollector(port = 0): Promise<Collector> {
  const [spans, headers, refused]: [ReceivedSpan[], Record<string, unknown>[], string[]] = [[], [], []];
  const take = (data: z.infer<typeof traces>): void => {
    for (const { resource, scopeSpans } of data.resourceSpans) {
      const name = resource.attributes.find(({ key }) => key === 'service.name')?.value ?? {};
      for (const one of scopeSpans.flatMap((scope) => scope.spans)) spans.push({ ...one, service: String(Object.values(name)[0]) });
    }
  };
  const server = createServer(async (request, response) => {
    const body = await readText(request);
    headers.push({ ...request.headers });
    const right = request.method === 'POST' && request.url === '/v1/traces' && request.headers['content-type'] === 'application/json';
    const parsed = traces.safeParse(right ? JSON.parse(body) : `${request.method} ${request.url}`);
    if (!parsed.success) refused.push(parsed.error.message);
    if (collector.answer === 200 && parsed.success) take(parsed.data);
    const status = collector.answer === 200 && !parsed.success ? 400 : collector.answer;
    response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  const { port: bound } = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => void server.close(() => resolve()));
  };
  const collector: Collector = { endpoint: `http://127.0.0.1:${bound}`, port: bound, spans, headers, refused, answer: 200, stop };
  return collector;
}
