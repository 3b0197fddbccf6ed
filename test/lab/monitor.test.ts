import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
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

it('tells the sizes of disks in a shared datastore from the front-end, when they are wanted', async () => {
  onTestFailed(() => void process.stderr.write(`${cluster.logs()}\n`));
  const { model } = cluster.one;
  const basePath = `${model.datastoreLocation}/108`;
  model.datastores.set(108, { id: 108, name: 'sys_shared', type: 1, dsMad: '-', tmMad: 'agent_shared', basePath, template: {} });
  // As the stock drivers leave it: a raw disk with snapshots, and a link to an image of another datastore.
  const directory = path.join(cluster.agent('frontend').datastores, '108');
  const missing = await cluster.one.monitor(108);
  expect([missing.exit, missing.info]).toEqual([1, expect.stringContaining('datastore 108')]);
  expect(existsSync(directory)).toBe(false);
  await mkdir(path.join(directory, '51', 'disk.0.snap'), { recursive: true });
  await makeRaw(path.join(directory, '51', 'disk.0'), 16, 1);
  await makeRaw(path.join(directory, '51', 'disk.0.snap', '12'), 4, 1);
  await mkdir(path.join(directory, '52'));
  await symlink('../../106/image', path.join(directory, '52', 'disk.1'));

  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { port, receiver, stop } = await listen({ privateKey });
  try {
    const conf = path.join(cluster.site.directory, 'monitord.conf');
    const pem = path.join(cluster.site.directory, 'monitord.pub');
    await writeFile(pem, publicKey.export({ type: 'pkcs1', format: 'pem' }));
    await writeFile(conf, `NETWORK = [ ADDRESS = "0.0.0.0", MONITOR_ADDRESS = "auto", PORT = ${port}, PUBKEY = "${pem}" ]\n`);
    const { config } = cluster.site.controller;
    const before: Record<string, unknown> = parse(await readFile(config, 'utf8'));
    await writeFile(config, stringify({ ...before, monitord: { conf: ['/none', conf] } }));
    await cluster.controller.restart();

    const space = /^USED_MB=\d+ TOTAL_MB=\d+ FREE_MB=\d+$/;
    const plain = await cluster.one.monitor(108);
    expect([plain.exit, plain.stderr, plain.stdout.trim()]).toEqual([0, '', expect.stringMatching(space)]);
    const wanted = await cluster.one.monitor(108, true);
    expect([wanted.exit, wanted.stderr, wanted.stdout.trim()]).toEqual([0, '', expect.stringMatching(space)]);
    await expect.poll(() => receiver.vms.size, { timeout: 60_000 }).toBe(2);
    expect(receiver.messages.map(({ type, status, hostId, epoch }) => [type, status, hostId, epoch])).toEqual([
      ['MONITOR_VM', 'SUCCESS', -1, 0],
    ]);
    expect(receiver.vms.get(51)).toEqual({ disks: { 0: 16 }, snapshots: { '0/12': 4 } });
    expect(receiver.vms.get(52)?.disks[1]).toBeLessThan(16);

    // Whoever marks it has its hosts report it: then nobody else does.
    await writeFile(path.join(directory, '.monitor'), 'agent_local\n');
    const marked = await cluster.one.monitor(108, true);
    expect([marked.exit, marked.stderr]).toEqual([0, expect.stringContaining('.monitor')]);
    expect(receiver.messages).toHaveLength(1);
    expect(receiver.refused).toEqual([]);
  } finally {
    await stop();
  }
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
