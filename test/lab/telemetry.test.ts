import { readFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { spanIdOf, traceIdOf } from '../../runtime/telemetry/spans.ts';
import { startCollector } from '../helpers/collector.ts';
import { startCluster } from './cluster.ts';
import { addDatastores, addVm, volatileDisk } from './models.ts';
import { prolog } from './transfer-scripts.ts';

it('a call of oned is one trace, from the shim through controller and agent to the programs, in spans and in logs', async () => {
  const collector = await startCollector();
  const { endpoint } = collector;
  const cluster = await startCluster({ agentOptions: { opentelemetry: { endpoint } }, controllerOptions: { opentelemetry: { endpoint } } });
  onTestFinished(async () => {
    await cluster.stop();
    await collector.stop();
  });
  const { model } = cluster.one;
  addDatastores(model);
  const vm = addVm(model, { id: 9, disks: [volatileDisk({ id: 0, kind: 'fs', format: 'qcow2' })], host: 'host01' });
  for (const { exit, stderr } of await cluster.one.tm(prolog(model, vm))) expect(exit, stderr).toBe(0);
  const [action] = (await cluster.operations()).filter(({ subject }) => subject.startsWith('mkimage'));
  const key = action?.id ?? '';

  const mine = () => collector.spans.filter(({ traceId }) => traceId === traceIdOf(key));
  const poll = { timeout: 60_000, interval: 100 };
  await expect.poll(() => mine().map(({ name }) => name), poll).toEqual(expect.arrayContaining(['tm/mkimage', 'disk.create']));
  const root = mine().find(({ name }) => name === 'tm/mkimage');
  const disk = mine().find(({ name }) => name === 'disk.create');
  expect(root).toMatchObject({ service: 'onestorage-controller', spanId: spanIdOf(key), status: { code: 1 } });
  expect(root?.parentSpanId).toBeUndefined();
  expect(disk).toMatchObject({ service: 'onestorage-agent', parentSpanId: root?.spanId });
  expect(mine().filter(({ parentSpanId }) => parentSpanId === disk?.spanId).length).toBeGreaterThan(0);
  expect(collector.refused).toEqual([]);

  // The same id in the lines of both daemons, those of the programs among them.
  const lines = (file: string) =>
    readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines(cluster.controller.log).filter(({ trace }) => trace === key).length).toBeGreaterThan(0);
  const onHost = lines(cluster.agent('host01').log).filter(({ trace }) => trace === key);
  expect(onHost.map(({ program }) => program)).toContain('qemu-img');
  // A daemon tells of itself without one.
  for (const line of lines(cluster.agent('host01').log)) if (line['operation'] !== undefined) expect(line).toHaveProperty('trace');
}, 180_000);
