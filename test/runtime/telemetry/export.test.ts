import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from '../../../runtime/log.ts';
import { SpanExport } from '../../../runtime/telemetry/export.ts';
import { type Span, spanIdOf, spansOf, type Told, text, traceIdOf } from '../../../runtime/telemetry/spans.ts';
import { type Collector, startCollector } from '../../helpers/collector.ts';

const KEY = '4f0c2f6e-7c1a-4a56-9d1e-3b8f1c1f2a77';
const poll = { timeout: 50_000, interval: 20 };

let collector: Collector;
let spans: SpanExport;
const logged: Record<string, unknown>[] = [];
beforeEach(async () => {
  logged.length = 0;
  collector = await startCollector();
  const log = createLogger('test', 'info', { write: (line: string) => logged.push(JSON.parse(line)) });
  const resource = [text('service.name', 'onestorage-agent')];
  spans = new SpanExport({
    endpoint: `${collector.endpoint}/`,
    headers: { 'x-token': 'word' },
    resource,
    version: '1.2.3',
    log,
    everyMs: 20,
  });
});
afterEach(async () => {
  await spans.stop();
  await collector.stop();
});

function told(id: string, more: Partial<Told> = {}): Told {
  return {
    id,
    kind: 'disk.create',
    subject: 'disk 1 of VM 9',
    state: 'succeeded',
    createdAt: 1_796_000_000_000,
    finishedAt: 1_796_000_002_500,
    figures: { movedBytes: 2 ** 40, skippedBytes: 0, verifiedBytes: 7, processes: 2 },
    steps: [{ name: 'allocate', startedAt: 1_796_000_000_100, finishedAt: 1_796_000_002_000 }],
    reason: undefined,
    ...more,
  };
}

/** Of any number. */
const some = (name: string): readonly Span[] => spansOf(told(name, { steps: [] }));

describe('spans', () => {
  it('are an operation and its steps, below the action of the controller', () => {
    const [whole, step] = spansOf(told(`${KEY}.create`));
    expect(whole).toMatchObject({
      traceId: '4f0c2f6e7c1a4a569d1e3b8f1c1f2a77',
      spanId: spanIdOf(`${KEY}.create`),
      parentSpanId: spanIdOf(KEY),
      startTimeUnixNano: '1796000000000000000',
      endTimeUnixNano: '1796000002500000000',
      status: { code: 1 },
    });
    expect(whole?.attributes).toContainEqual({ key: 'onestorage.moved_bytes', value: { intValue: '1099511627776' } });
    expect(step).toMatchObject({ name: 'disk.create allocate', parentSpanId: whole?.spanId, traceId: whole?.traceId });
    const [action] = spansOf(told(KEY, { kind: 'tm/mkimage', state: 'failed', reason: 'no_space' }));
    expect(action).toMatchObject({ spanId: spanIdOf(KEY), status: { code: 2, message: 'no_space' } });
    expect(action).not.toHaveProperty('parentSpanId');
  });

  it('have an id of 16 bytes whatever the key of the call is', () => {
    expect(traceIdOf('key-one-0001')).toMatch(/^[0-9a-f]{32}$/);
    expect(traceIdOf('key-one-0001')).not.toBe(traceIdOf('key-one-0002'));
  });
});

describe('the export', () => {
  it('sends what OTLP takes, and the headers of the configuration', async () => {
    spans.add(spansOf(told(`${KEY}.create`)));
    await expect.poll(() => collector.spans.map(({ name }) => name), poll).toEqual(['disk.create', 'disk.create allocate']);
    expect(collector.spans[0]?.service).toBe('onestorage-agent');
    expect(collector.headers[0]).toMatchObject({ 'x-token': 'word' });
    expect(collector.refused).toEqual([]);
    spans.add(some('key-after-0001'));
    await expect.poll(() => collector.spans.length, poll).toBe(3);
  });

  it('tries again while the collector is busy, in the same order, and says so once', async () => {
    collector.answer = 503;
    spans.add(some('key-0000-0001'));
    await expect.poll(() => collector.headers.length, poll).toBeGreaterThan(2);
    spans.add(some('key-0000-0002'));
    collector.answer = 200;
    await expect.poll(() => collector.spans.map(({ spanId }) => spanId), poll).toEqual(['key-0000-0001', 'key-0000-0002'].map(spanIdOf));
    await expect
      .poll(() => logged.map(({ level, error }) => [level, error]), poll)
      .toEqual([
        ['warn', 'it answers with status 503'],
        ['info', undefined],
      ]);
  });

  it('does not send again what is refused', async () => {
    collector.answer = 400;
    spans.add(some('key-0000-0001'));
    await expect.poll(() => logged.map(({ error }) => error), poll).toEqual(['it answers with status 400']);
    collector.answer = 200;
    spans.add(some('key-0000-0002'));
    await expect.poll(() => collector.spans.map(({ spanId }) => spanId), poll).toEqual([spanIdOf('key-0000-0002')]);
    expect(logged.at(-1)).toMatchObject({ lost: 1 });
  });

  it('outlives a collector that goes away, and keeps no more than it may', async () => {
    const { port } = collector;
    await collector.stop();
    for (let index = 0; index < 5000; index++) spans.add(some(`key-0000-${index}`));
    await expect.poll(() => logged.map(({ error }) => error), poll).toEqual([expect.stringContaining('refused')]);
    collector = await startCollector(port);
    await expect.poll(() => collector.spans.length, poll).toBe(4096);
    expect(collector.spans.at(-1)?.spanId).toBe(spanIdOf('key-0000-4999'));
    expect(collector.refused).toEqual([]);
  });

  it('sends what waits when the daemon stops', async () => {
    const last = new SpanExport({
      endpoint: collector.endpoint,
      headers: {},
      resource: [text('service.name', 'x')],
      version: '1',
      log: createLogger('test', 'silent'),
      everyMs: 3_600_000,
    });
    last.add(some('key-0000-0001'));
    await last.stop();
    expect(collector.spans).toHaveLength(1);
  });
});
