import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { deflateSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it, onTestFailed } from 'vitest';
import { parse, stringify } from 'yaml';
import { listen, Receiver } from '../helpers/monitord.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { addDatastores, addVm, imageDisk } from './models.ts';
import { makeRaw } from './origins.ts';
import { prolog, terminate } from './transfer-scripts.ts';

/** Sizes of disks on the hosts' own storage, on both ways to onemonitord. */

const execute = promisify(execFile);
const HOST_ID = 3;

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ agentOptions: { monitor: { interval_seconds: 1 } } });
  addDatastores(cluster.one.model);
  const directory = path.join(cluster.agent('frontend').datastores, '106');
  await mkdir(directory, { recursive: true });
  await makeRaw(path.join(directory, 'image'), 16, 0.5);
});
afterAll(async () => {
  await cluster?.stop();
});

/** OpenNebula's probe: each marked datastore by the driver that its marker names; what fails counts as nothing (contract 6.5). */
async function probe(): Promise<string> {
  const { datastores, socket } = cluster.agent('host01');
  const env = { PATH: process.env['PATH'] ?? '', ONESTORAGE_AGENT_SOCKET: socket };
  let output = '';
  for (const id of readdirSync(datastores).filter((name) => /^\d+$/.test(name))) {
    const driver = readFileSync(path.join(datastores, id, '.monitor'), 'utf8').trimEnd();
    const { stdout, stderr } = await execute(path.join(cluster.shims, 'tm', driver, 'monitor_ds'), [`${datastores}/${id}`], { env });
    expect(stderr).toBe('');
    output += `${stdout}\n`;
  }
  return output;
}

/** What onemonitord makes of the probe's output. */
async function probed(): Promise<Receiver> {
  const receiver = new Receiver();
  const text = (await probe()).trim();
  receiver.receive(Buffer.from(`MONITOR_VM SUCCESS ${HOST_ID} 1 ${deflateSync(text === '' ? '\n' : text).toString('base64')}`));
  expect(receiver.refused).toEqual([]);
  return receiver;
}

async function configure(more: Record<string, unknown>): Promise<void> {
  const host = cluster.agent('host01');
  const before: Record<string, unknown> = parse(await readFile(host.config, 'utf8'));
  await writeFile(host.config, stringify({ ...before, ...more }));
  await host.restart();
}

it('tells the sizes of disks by the probe, or by the agent, and never by both', async () => {
  onTestFailed(() => void process.stderr.write(`${cluster.logs()}\n`));
  const { model } = cluster.one;
  const disks = [0, 1].map((id) => imageDisk({ id, source: `${model.datastoreLocation}/106/image`, sizeMb: 16 }));
  const vm = addVm(model, { id: 41, disks, host: 'host01' });
  for (const { exit, stderr } of await cluster.one.tm(prolog(model, vm))) expect([exit, stderr]).toEqual([0, '']);
  // A disk grows, and gets snapshots the way the drivers keep those of raw disks.
  const directory = path.join(cluster.agent('host01').datastores, '107', '41');
  await mkdir(path.join(directory, 'disk.1.snap'));
  for (const id of [2, 11]) await makeRaw(path.join(directory, 'disk.1.snap', String(id)), 4, 1);

  const poll = { timeout: 60_000, interval: 100 };
  await expect.poll(async () => (await probed()).vms.get(41)?.snapshots, poll).toEqual({ '1/2': 4, '1/11': 4 });
  const sizes = (await probed()).vms.get(41)?.disks ?? {};
  // Half of the image is holes.
  for (const id of ['0', '1']) expect(sizes[id]).toBeLessThan(16);

  const { port, receiver, stop } = await listen();
  try {
    const config = path.join(cluster.site.directory, 'monitor-configuration');
    const network = `<NETWORK><MONITOR_ADDRESS>127.0.0.1</MONITOR_ADDRESS><PORT>${port}</PORT><PUBKEY/></NETWORK>`;
    const period = '<PROBES_PERIOD><MONITOR_VM>1</MONITOR_VM></PROBES_PERIOD>';
    await writeFile(config, `<MONITOR_CONFIGURATION>${network}${period}<HOST_ID>${HOST_ID}</HOST_ID></MONITOR_CONFIGURATION>`);
    await configure({ monitord: { report: 'push', config, conf: '/none' } });
    await expect.poll(() => receiver.vms.get(41), poll).toEqual({ disks: sizes, snapshots: { '1/2': 4, '1/11': 4 } });
    expect(receiver.messages[0]).toMatchObject({ type: 'MONITOR_VM', status: 'SUCCESS', hostId: HOST_ID });
    expect((await probe()).trim()).toBe('');

    await configure({ monitord: { report: 'probe' } });
    const sent = receiver.messages.length;
    await expect.poll(async () => (await probed()).vms.size, poll).toBe(1);
    expect(receiver.messages.length).toBe(sent);
    expect(receiver.refused).toEqual([]);
  } finally {
    await stop();
  }

  await cluster.one.tm(terminate(model, vm));
  await expect.poll(async () => (await probed()).vms.size, poll).toBe(0);
}, 180_000);

it('marks a new system datastore on all hosts before its first machine', async () => {
  const marked = await startCluster({ controllerOptions: { mark_datastores_seconds: 1 } });
  try {
    // As an admin would make it while everything runs.
    addDatastores(marked.one.model);
    for (const host of ['host01', 'host02'] as const) {
      const marker = path.join(marked.agent(host).datastores, '107', '.monitor');
      await expect.poll(() => existsSync(marker) && readFileSync(marker, 'utf8'), { timeout: 60_000 }).toBe('agent_local\n');
    }
    expect(existsSync(path.join(marked.agent('host01').datastores, '106'))).toBe(false);
  } catch (thrown) {
    throw new Error(marked.logs(), { cause: thrown });
  } finally {
    await marked.stop();
  }
}, 180_000);
