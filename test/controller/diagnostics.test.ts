import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { controllerConfig } from '../../controller/config.ts';
import { createController } from '../../controller/controller.ts';
import { NO_LINE } from '../../runtime/audit/chain.ts';
import { verifyFile } from '../../runtime/audit/verify.ts';
import { createLogger } from '../../runtime/log.ts';
import { testIdentityDirectory } from '../helpers/pki.ts';
import { samplesOf } from '../runtime/metrics/exposition.ts';

const KEY = '4f0c2f6e-7c1a-4a56-9d1e-3b8f1c1f2a77';
const SINK = { log: () => undefined };

it('an action of a controller is in its metrics, its audit log and, as trace, in its log', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'onestorage-diagnostics-'));
  const logged: Record<string, unknown>[] = [];
  const config = controllerConfig.parse({
    pki: await testIdentityDirectory('controller', { hostName: 'frontend' }),
    state_directory: directory,
    // Nobody listens there.
    front_end: { names: ['frontend'], address: '127.0.0.1:1' },
    hosts: { host01: { address: '127.0.0.1:1' } },
    deadlines: { reattach_seconds: 0.1, stat_seconds: 1 },
    mark_datastores_seconds: 0,
    metrics: { listen: '127.0.0.1:0' },
  });
  const controller = await createController(
    config,
    createLogger('controller', 'debug', { write: (line: string) => logged.push(JSON.parse(line)) }),
  );
  let running = true;
  const stop = (): void => {
    if (running) controller.stop();
    running = false;
  };
  onTestFinished(async () => {
    stop();
    await rm(directory, { recursive: true, force: true });
  });
  controller.start();
  const driver = 'agent_local';
  const call = { suffix: undefined, driver, stdin: '' };
  const target = 'host01:/var/lib/one/datastores/107/9/disk.0';
  const deleted = await controller.handler.run({ ...call, key: KEY, action: 'tm/delete', argv: [target, '9', '107'] }, SINK);
  expect(deleted.failure?.reason).toBe('unreachable');
  const refused = await controller.handler.run({ ...call, key: 'key-12345678', action: 'tm/delete', argv: ['secret-word'] }, SINK);
  expect(refused.failure?.reason).toBe('bad_argument');

  const port = logged.find(({ msg }) => msg === 'metrics')?.['port'];
  const samples = samplesOf(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
  const failures = samples.filter(({ name }) => name === 'onestorage_operation_failures_total').map(({ labels, value }) => [labels, value]);
  expect(failures).toEqual([
    [{ kind: 'tm/delete', reason: 'unreachable' }, 1],
    [{ kind: 'tm/delete', reason: 'bad_argument' }, 1],
  ]);
  const counts = samples.filter(({ name }) => name === 'onestorage_operation_duration_seconds_count').map(({ labels }) => labels['class']);
  expect(counts).toEqual(['delete', '']);

  const mine = logged.filter(({ operation }) => operation === KEY);
  expect(mine.length).toBeGreaterThan(0);
  for (const line of mine) expect(line).toMatchObject({ trace: KEY });

  stop();
  const file = join(directory, 'audit.log');
  const text = readFileSync(file, 'utf8');
  expect(text).not.toContain('secret-word');
  const about = { action: 'tm/delete', driver };
  expect(
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toMatchObject([
    { event: 'start' },
    { event: 'begin', ...about, operation: KEY },
    { event: 'operation', operation: KEY, outcome: 'unreachable' },
    { event: 'end', ...about, operation: KEY, outcome: 'unreachable' },
    { event: 'begin', ...about, operation: 'key-12345678' },
    { event: 'end', ...about, operation: 'key-12345678', outcome: 'bad_argument' },
    { event: 'stop' },
  ]);
  expect(await verifyFile(file, NO_LINE)).toMatchObject({ lines: 7, broken: undefined });
});
