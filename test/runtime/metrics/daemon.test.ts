import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { StorageError } from '../../../runtime/errors.ts';
import { metricsConfig } from '../../../runtime/metrics/config.ts';
import { type MetricsOptions, type StartedMetrics, startMetrics } from '../../../runtime/metrics/start.ts';
import { Operations } from '../../../runtime/operations/operations.ts';
import type { OperationKind } from '../../../runtime/operations/types.ts';
import { silent } from '../echo.ts';
import { type ExposedSample, samplesOf } from './exposition.ts';

let directory = '';
let operations: Operations;
let started: StartedMetrics | undefined;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'onestorage-metrics-'));
  operations = new Operations({ file: join(directory, 'journal.db'), log: silent });
});
afterEach(async () => {
  await started?.stop();
  started = undefined;
  operations.stop();
  rmSync(directory, { recursive: true, force: true });
});

const start = async (more: Partial<MetricsOptions> = {}): Promise<StartedMetrics> => {
  started = await startMetrics({
    daemon: 'agent',
    version: '1.2.3',
    notAfter: () => new Date(1_800_000_000_000),
    listen: '127.0.0.1:0',
    operations,
    labelsOf: ({ kind }) => ({ kind, class: '' }),
    lostLines: () => 4,
    measureMore: () => undefined,
    log: silent,
    ...more,
  });
  return started;
};
const ask = (path = '/metrics', method = 'GET') => fetch(`http://127.0.0.1:${started?.port}${path}`, { method });
const scrape = async (): Promise<ExposedSample[]> => samplesOf(await (await ask()).text());
const sampleValue = (
  samples: readonly ExposedSample[],
  wanted: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined =>
  samples.find(({ name, labels: found }) => name === wanted && Object.entries(labels).every(([label, word]) => found[label] === word))
    ?.value;

describe('the address of the metrics', () => {
  it('answers GET /metrics, and nothing else', async () => {
    await start();
    const answer = await ask();
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect((await ask('/')).status).toBe(404);
    expect((await ask('/metrics', 'POST')).status).toBe(405);
    const samples = samplesOf(await answer.text());
    expect(sampleValue(samples, 'onestorage_certificate_not_after_timestamp_seconds')).toBe(1_800_000_000);
    expect(sampleValue(samples, 'onestorage_build_info', { version: '1.2.3', daemon: 'agent' })).toBe(1);
    expect(sampleValue(samples, 'onestorage_audit_lost_lines_total')).toBe(4);
    expect(sampleValue(samples, 'process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(sampleValue(samples, 'process_open_fds')).toBeGreaterThan(3);
  });

  it('does not keep the daemon from starting when it is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    expect((await start({ listen: `127.0.0.1:${port}` })).port).toBeUndefined();
    other.close();
  });

  it('can be off', async () => {
    expect((await start({ listen: 'off' })).port).toBeUndefined();
  });

  it('is of the loopback unless it is told otherwise', () => {
    const config = z.strictObject({ metrics: metricsConfig(2636).prefault({}) });
    const listen = (metrics: unknown): unknown => config.safeParse({ metrics }).data?.metrics.listen;
    expect(listen(undefined)).toBe('127.0.0.1:2636');
    expect(listen({})).toBe('127.0.0.1:2636');
    expect(listen('off')).toBe('off');
    expect(listen({ listen: 'off' })).toBe('off');
    expect(listen({ listen: '10.0.0.1:9100' })).toBe('10.0.0.1:9100');
    for (const wrong of ['on', { listen: 'nowhere' }, { port: 1 }]) expect(listen(wrong)).toBeUndefined();
  });
});

describe('operations', () => {
  it('are counted while they run, and by what became of them', async () => {
    await start();
    const entered = Promise.withResolvers<void>();
    const leave = Promise.withResolvers<void>();
    const kind: OperationKind<{ fail: boolean }, undefined> = {
      name: 'test.copy',
      input: z.object({ fail: z.boolean() }),
      resources: () => ['the only one'],
      run: async ({ fail }, { count }) => {
        count({ movedBytes: 100, skippedBytes: 7, processes: 1 });
        entered.resolve();
        await leave.promise;
        if (fail) throw new StorageError('no_space', 'full');
        return undefined;
      },
    };
    const first = operations.submit(kind, { id: 'op-1', subject: 'first', input: { fail: false } });
    const second = operations.submit(kind, { id: 'op-2', subject: 'second', input: { fail: true } });
    await entered.promise;
    const during = await scrape();
    expect(sampleValue(during, 'onestorage_operations', { state: 'running' })).toBe(1);
    expect(sampleValue(during, 'onestorage_operations', { state: 'waiting' })).toBe(1);
    expect(sampleValue(during, 'onestorage_operation_bytes_total', { kind: 'test.copy', what: 'moved' })).toBe(100);
    leave.resolve();
    await first.done;
    await expect(second.done).rejects.toThrow('full');
    const after = await scrape();
    expect(sampleValue(after, 'onestorage_operations', { state: 'running' })).toBe(0);
    expect(sampleValue(after, 'onestorage_operation_bytes_total', { what: 'moved' })).toBe(200);
    expect(sampleValue(after, 'onestorage_operation_bytes_total', { what: 'skipped' })).toBe(14);
    expect(sampleValue(after, 'onestorage_operation_processes_total', { kind: 'test.copy' })).toBe(2);
    const duration = 'onestorage_operation_duration_seconds_count';
    expect(sampleValue(after, duration, { kind: 'test.copy', result: 'succeeded' })).toBe(1);
    expect(sampleValue(after, duration, { kind: 'test.copy', result: 'failed' })).toBe(1);
    expect(sampleValue(after, 'onestorage_operation_failures_total', { kind: 'test.copy', reason: 'no_space' })).toBe(1);
    // Neither ids nor subjects become labels: their number has no end.
    expect(JSON.stringify(after)).not.toMatch(/op-1|first/);
  });
});

describe('an observer that fails', () => {
  it('harms no operation', async () => {
    operations.observe(() => {
      throw new Error('a defect');
    });
    const kind: OperationKind<object, number> = { name: 'test.one', input: z.object({}), resources: () => [], run: async () => 1 };
    expect(await operations.submit(kind, { id: 'op-1', subject: 'one', input: {} }).done).toBe(1);
    expect(await operations.submit(kind, { id: 'op-2', subject: 'two', input: {} }).done).toBe(1);
  });
});
