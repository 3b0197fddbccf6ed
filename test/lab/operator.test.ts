import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, startCluster } from './cluster.ts';
import { addDatastores, addVm, imageDisk } from './models.ts';
import { makeRaw } from './origins.ts';
import { changeAgentConfig, FRONT_END_FILES } from './site.ts';
import { prolog } from './transfer-scripts.ts';

/** What an operator sees of a site, through the program itself. */

const ONESTORAGE = path.join(import.meta.dirname, '../../packaging/onestorage');
const execute = promisify(execFile);

let cluster: Cluster;
let deployed: string;

beforeAll(async () => {
  cluster = await startCluster();
  const { model } = cluster.one;
  addDatastores(model);
  const images = path.join(cluster.agent('frontend').datastores, '106');
  await mkdir(images, { recursive: true });
  await makeRaw(path.join(images, 'image'), 16, 0.5);
  const source = `${model.datastoreLocation}/106/image`;
  const vm = addVm(model, { id: 41, disks: [imageDisk({ id: 0, source, sizeMb: 16 })], host: 'host01' });
  for (const { exit, stderr } of await cluster.one.tm(prolog(model, vm))) expect([exit, stderr]).toEqual([0, '']);
  Object.assign(vm, { state: 3, lcmState: 3 });
  deployed = (await cluster.operations()).find(({ subject }) => subject.startsWith('clone of disk 0 of VM 41'))?.id ?? '';
}, 120_000);

afterAll(async () => {
  await cluster?.stop();
});

/** The exit status and what was printed. */
async function run(...words: readonly string[]): Promise<{ status: number; out: string; err: string }> {
  const env = { ...process.env, PATH: process.env['PATH'] ?? '' };
  try {
    const { stdout, stderr } = await execute(ONESTORAGE, words, { env });
    return { status: 0, out: stdout, err: stderr };
  } catch (thrown) {
    const { code, stdout, stderr } = thrown as { code: number; stdout: string; stderr: string };
    return { status: code, out: stdout, err: stderr };
  }
}

const ask = (...words: readonly string[]) => run(...words, '--socket', cluster.site.socket);

async function json(...words: readonly string[]): Promise<unknown> {
  const { status, out, err } = await ask(...words, '--json');
  expect(err).toBe('');
  expect(status).toBe(0);
  return JSON.parse(out);
}

function doctor(...words: readonly string[]): ReturnType<typeof run> {
  const { controller, remotes, directory } = cluster.site;
  const files = ['--oned-conf', path.join(directory, 'etc/oned.conf'), '--vmm-execrc', path.join(directory, 'etc/vmm_execrc')];
  return run('doctor', '--config', controller.config, '--remotes', remotes, ...files, ...words);
}

interface Checked {
  readonly check: string;
  readonly problems: readonly { readonly severity: string; readonly subject: string; readonly text: string; readonly remedy: string }[];
  readonly unchecked?: string;
}

async function problems(): Promise<readonly string[]> {
  const { out } = await doctor('--json');
  const { checks } = JSON.parse(out) as { checks: readonly Checked[] };
  expect(checks.flatMap(({ unchecked }) => unchecked ?? [])).toEqual([]);
  const found = checks.flatMap(({ check, problems: of }) => of.map(({ subject, text }) => `${check}: ${subject}: ${text}`));
  // What this machine has is not what the test is about, nor how full its disk is.
  return found.filter((text) => !/missing: | are free: without space/.test(text));
}

/** A setup that nobody has acted on: oned was not restarted, vmm_execrc was put back, and a host has an older shim. */
async function setupAgain(): Promise<void> {
  const etc = (name: string): string => path.join(cluster.site.directory, 'etc', name);
  await writeFile(etc('oned.conf'), FRONT_END_FILES['oned.conf'].replace('agent_fs -s', 'agent_fs,agent_restic -s'));
  await writeFile(etc('vmm_execrc'), 'LIVE_DISK_SNAPSHOTS="kvm-ssh"\n');
  const remotes = path.join(cluster.site.directory, 'older');
  await mkdir(path.join(remotes, 'tm/agent_local'), { recursive: true });
  await writeFile(path.join(remotes, 'tm/agent_local/monitor_ds'), '#!/bin/sh\n');
  await changeAgentConfig(cluster.site.hosts.host02, { remotes });
  await cluster.agent('host02').restart();
  expect(await problems()).toEqual([
    expect.stringMatching(/^restart: .*agent_restic$/),
    expect.stringMatching(/^snapshots: .*kvm-agent_local/),
    expect.stringMatching(/^agents: host02: .*\/older: the shims are of another version/),
  ]);
}

describe('what an operator sees', { timeout: 120_000 }, () => {
  it('hosts, datastores and machines', async () => {
    const agent = { version: '0.1.0', runningOperations: 0, certificateNotAfter: expect.any(Number) };
    expect(await json('hosts')).toMatchObject([
      { name: 'frontend', frontEnd: true, agent },
      { name: 'host01', frontEnd: false, address: cluster.agent('host01').address, agent: { ...agent, hostName: 'host01' } },
      { name: 'host02', frontEnd: false, agent },
    ]);
    const datastores = await ask('datastores', '--json');
    // host02 has never had a disk.
    expect(datastores.status).toBe(1);
    expect(JSON.parse(datastores.out)).toMatchObject([
      {
        id: 106,
        type: 'image',
        drivers: ['agent_fs', 'agent_local'],
        parts: [{ host: 'frontend', space: { freeBytes: expect.any(Number) } }],
      },
      {
        id: 107,
        type: 'system',
        drivers: ['agent_local'],
        parts: [{ host: 'host01', marker: 'agent_local' }, { failure: { reason: 'not_found' } }],
      },
    ]);
    const directory = path.join(cluster.agent('host01').datastores, '107/41');
    const vm = { id: 41, state: 'RUNNING', host: 'host01', directory, present: true };
    expect(await json('vms')).toMatchObject([vm]);
    expect(await json('vms', '41')).toMatchObject([{ ...vm, disks: [{ id: 0, format: 'raw', sizeBytes: 16 * 1024 ** 2, snapshots: 0 }] }]);
    expect(await ask('vms', '42')).toMatchObject({ status: 1, err: expect.stringContaining('Error getting virtual machine [42]') });
    expect((await ask('vms')).out).toContain(directory);
    expect((await ask('transfers')).out).toBe('no data is being moved\n');
    expect((await ask('ops', 'list', '--watch')).out).toBe('nothing is under way\n');
  });

  it('the story of an operation, and what an action would do', async () => {
    expect(await json('logs', deployed)).toMatchObject({
      operation: { id: deployed, state: 'succeeded' },
      parts: [{ id: `${deployed}.receive`, host: 'host01', state: 'succeeded' }],
      unanswered: [],
    });
    await cluster.one.tm([`DELETE agent_local host01:${cluster.one.model.datastoreLocation}/107/77 77 107`]);
    const gone = (await cluster.operations()).find(({ subject }) => subject === 'delete of VM 77')?.id ?? '';
    expect(await json('logs', gone)).toMatchObject({
      lines: expect.arrayContaining([expect.objectContaining({ level: 'info', text: expect.stringContaining('was not there') })]),
    });
    expect((await ask('logs', `${deployed}.receive`)).out).toContain(`${deployed}.receive`);
    expect(await ask('logs', 'a2b5e3f2-0000-4000-8000-000000000000')).toMatchObject({ status: 1 });

    const { model } = cluster.one;
    const before = (await cluster.operations()).length;
    const target = `host02:${model.datastoreLocation}/107/41`;
    const words = [`host01:${model.datastoreLocation}/107/41`, target, '41', '107'];
    const host = { host: 'host02', source: { host: 'host01', place: '107/41', there: true }, target: { place: '107/41', there: false } };
    expect(await json('explain', 'tm/mv', ...words)).toMatchObject({
      subject: expect.stringMatching(/^mv of VM 41\b/),
      class: 'move',
      locks: ['vm:41'],
      supersedes: [],
      steps: [
        { ...host, method: 'Transfers/Receive' },
        { host: 'host01', method: 'Disks/Remove', target: { place: '107/41', there: true } },
      ],
      commitsBefore: 1,
    });
    const source = `frontend:${model.datastoreLocation}/106/image`;
    const clone = await ask('explain', 'tm/clone', source, `${target}/disk.0`, '41', '106');
    expect(clone.out).toMatch(/1 +host02 .* +Transfers\/Receive +frontend:106\/image \(8\.\d MiB\) +107\/41\/disk\.0 \(nothing there\)/);
    const missing = await ask('explain', 'tm/clone', source.replace(/[^/]*$/, 'nonesuch'), `${target}/disk.0`, '41', '106');
    expect(missing).toMatchObject({ status: 1, out: expect.stringContaining('nonesuch does not exist on frontend') });
    expect(await ask('explain', 'tm/clone', source)).toMatchObject({ status: 2, err: expect.stringContaining('expected 4 words') });
    expect((await cluster.operations()).length).toBe(before);
  });

  it('a healthy site, and what is wrong with a broken one', async () => {
    expect(await problems()).toEqual([]);
    const stale = path.join(cluster.agent('host01').datastores, '107/41/.onestorage.gone.receive.disk.0');
    const foreign = path.join(cluster.site.remotes, 'tm/agent_local/clone');
    await writeFile(stale, '');
    await rm(foreign);
    await cluster.agent('host02').kill('SIGKILL');
    try {
      expect(await problems()).toEqual([
        expect.stringMatching(/^shims: .*tm\/agent_local: clone missing/),
        expect.stringMatching(/^agents: host01: 1 temporary files .*107\/41\/\.onestorage\.gone/),
        expect.stringMatching(/^agents: host02: host02 .*(?:refused|does not answer)/),
      ]);
      const text = await doctor();
      expect(text.status).toBe(1);
      expect(text.out).toContain(`-> onestorage shims install ${cluster.site.remotes}`);
      expect(text.out).toMatch(/\n\d errors, \d warnings?\n$/);
      const hosts = await ask('hosts', '--json');
      expect(hosts.status).toBe(1);
      expect(JSON.parse(hosts.out)).toMatchObject([{ agent: {} }, { agent: {} }, { name: 'host02', failure: { reason: 'unreachable' } }]);
    } finally {
      await cluster.agent('host02').start();
      await rm(stale);
      await cluster.onestorage('shims', 'install', cluster.site.remotes);
    }
    expect(await problems()).toEqual([]);
    await setupAgain();
    expect((await run('doctor', '--config', '/nowhere/controller.yaml')).out).toContain('cannot read the configuration');
    expect(await run('hosts', '--socket', '/nowhere/s')).toMatchObject({
      status: 2,
      err: expect.stringContaining('no controller listens'),
    });
  });
});
