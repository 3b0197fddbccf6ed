import { execFile } from 'node:child_process';
import { mkdir, readdir, symlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startAgent } from '../../../agent/agent.ts';
import { agentConfigSchema } from '../../../agent/config.ts';
import { controllerConfig } from '../../../controller/config.ts';
import { createController } from '../../../controller/controller.ts';
import { startServer } from '../../../controller/server/server.ts';
import { createLogger } from '../../../runtime/log.ts';
import { temporaryDirectory } from '../../agent/tools/context.ts';
import { tree } from '../../helpers/disks.ts';
import { testIdentityDirectory } from '../../helpers/pki.ts';
import { addDatastores, addVm, emptyModel, imageDisk } from '../../lab/models.ts';
import { startEndpoint } from '../../lab/opennebula/endpoint.ts';

const log = createLogger('test', 'silent');
const HOUR = 3600 * 1000;

async function agentOf(
  base: string,
  hostName: string,
): Promise<{ readonly address: string; readonly datastores: string; stop(): Promise<void> }> {
  const directory = path.join(base, hostName);
  const datastores = path.join(directory, 'datastores');
  for (const id of ['106', '107']) await mkdir(path.join(datastores, id), { recursive: true });
  const pki = await testIdentityDirectory('agent', { hostName });
  const config = agentConfigSchema.parse({
    pki,
    listen: '127.0.0.1:0',
    socket: path.join(directory, 'agent.sock'),
    datastores,
    state_directory: path.join(directory, 'state'),
    metrics: 'off',
  });
  const agent = await startAgent(config, log);
  return { address: `127.0.0.1:${agent.port}`, datastores, stop: agent.stop };
}

/** Front-end and two hosts with real agents, the controller, and an OpenNebula that has VM 9 on host01. */
async function startCluster() {
  const base = await temporaryDirectory();
  const names = ['frontend', 'host01', 'host02'] as const;
  const [frontEnd, host01, host02] = await Promise.all(names.map((name) => agentOf(base, name)));
  if (frontEnd === undefined || host01 === undefined || host02 === undefined) throw new Error('no agents');
  const model = emptyModel({ datastoreLocation: '/var/lib/one//datastores', vmFiles: path.join(base, 'vms') });
  addDatastores(model);
  const vm = addVm(model, { id: 9, host: 'host01', disks: [imageDisk({ id: 0, source: '/x' })], lcmState: 3 });
  const endpoint = await startEndpoint(model, 'oneadmin:secret');
  const authFile = path.join(base, 'one_auth');
  await writeFile(authFile, 'oneadmin:secret\n');
  const socket = path.join(base, 'controller.sock');
  const config = controllerConfig.parse({
    socket,
    pki: await testIdentityDirectory('controller', { hostName: 'frontend' }),
    state_directory: path.join(base, 'controller'),
    metrics: 'off',
    front_end: { names: ['frontend'], address: frontEnd.address },
    hosts: { host01: { address: host01.address }, host02: { address: host02.address } },
    opennebula: { endpoint: endpoint.url, auth_file: authFile },
  });
  const controller = await createController(config, log);
  const server = await startServer({ socket, handler: controller.handler, inspect: controller.inspect, log, dialect: '7' });
  onTestFinished(async () => {
    await server.stop();
    controller.stop();
    await Promise.all([frontEnd.stop(), host01.stop(), host02.stop(), endpoint.stop()]);
  });
  return { frontEnd, host01, host02, model, vm, socket };
}

interface Report {
  readonly looked: readonly string[];
  readonly unanswered: readonly { readonly host: string; readonly reason: string }[];
  readonly findings: readonly { readonly host: string; readonly problem: string; readonly path: string; readonly movable: boolean }[];
  readonly moved: readonly { readonly host: string; readonly path: string; readonly to: string }[];
  readonly kept: readonly unknown[];
}

/** The program itself, in a process of its own, whose agents' clock it does not share. */
function fsck(socket: string, ...words: string[]): Promise<{ readonly status: number; readonly report: Report }> {
  const program = path.join(import.meta.dirname, '../../../packaging/main.ts');
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [program, 'fsck', ...words, '--json', '--socket', socket], (error, stdout, stderr) => {
      try {
        resolve({ status: typeof error?.code === 'number' ? error.code : 0, report: JSON.parse(stdout) });
      } catch (thrown) {
        reject(new Error(`${stdout}${stderr}`, { cause: thrown }));
      }
    });
  });
}

/** The agents run in this process: for them it is two hours later, and nothing is young any more. */
async function later<T>(work: () => Promise<T>): Promise<T> {
  const { now } = Date;
  Date.now = () => now() + 2 * HOUR;
  try {
    return await work();
  } finally {
    Date.now = now;
  }
}

async function makeVm(datastores: string, id: number): Promise<void> {
  const directory = path.join(datastores, '107', String(id));
  await mkdir(directory, { recursive: true });
  await writeFile(path.join(directory, 'disk.0'), 'data');
  await symlink('disk.1.snap/0', path.join(directory, 'disk.1'));
  await utimes(directory, 0, 0);
}

const short = ({ findings }: Report): string[] =>
  findings.map(({ host, problem, path: name, movable }) => `${host} ${problem} ${name}${movable ? ' movable' : ''}`);

describe('onestorage fsck, through controller and agents', () => {
  it('finds what a failed migration and a forgotten machine left, and sets it aside', async () => {
    const { frontEnd, host01, host02, socket } = await startCluster();
    await makeVm(host01.datastores, 9);
    await makeVm(host02.datastores, 9);
    await makeVm(frontEnd.datastores, 7);
    await writeFile(path.join(host01.datastores, '107/9/.onestorage.op-1.disk.2'), '');
    const young = await fsck(socket, '107');
    const expected = [
      'frontend unknown_vm 7',
      'host01 temporary_file 9/.onestorage.op-1.disk.2 movable',
      'host01 dangling_link 9/disk.1',
      'host02 left_behind_vm 9',
    ];
    expect([young.status, short(young.report)]).toEqual([1, expected]);
    const before = await tree(path.join(host02.datastores, '107/9'));
    const kept = await tree(path.join(host01.datastores, '107'));
    await later(async () => {
      const first = await fsck(socket, '107', '--repair');
      const movable = ['frontend unknown_vm 7 movable', ...expected.slice(1, 3), 'host02 left_behind_vm 9 movable'];
      expect(short(first.report)).toEqual(movable);
      expect(first.report.kept).toEqual([]);
      expect(first.report.moved.map(({ host, path: name }) => `${host} ${name}`)).toEqual([
        'frontend 7',
        'host01 9/.onestorage.op-1.disk.2',
        'host02 9',
      ]);
      // The broken disk is still there.
      expect(first.status).toBe(1);
      const aside = first.report.moved.at(-1)?.to ?? '';
      expect(await tree(path.join(host02.datastores, '107', aside))).toEqual(before);
      expect(await readdir(path.join(host02.datastores, '107'))).toEqual(['.quarantine']);
      const rest = (await tree(path.join(host01.datastores, '107'))).filter((name) => !name.startsWith('.quarantine'));
      expect(rest).toEqual(kept.filter((name) => !name.includes('.onestorage.')));
      const again = await fsck(socket, '107', '--repair');
      expect([again.status, short(again.report), again.report.moved]).toEqual([1, ['host01 dangling_link 9/disk.1'], []]);
    });
  });

  it('leaves alone what moves, and says which host does not answer', async () => {
    const { frontEnd, host01, host02, model, vm, socket } = await startCluster();
    await makeVm(host02.datastores, 9);
    await makeVm(frontEnd.datastores, 9);
    model.vms.set(9, { ...vm, lcmState: 8 });
    await later(async () => {
      const moving = await fsck(socket, '107', '--repair');
      // The front-end may be where it comes from.
      expect([short(moving.report), moving.report.moved]).toEqual([['frontend dangling_link 9/disk.1', 'host02 left_behind_vm 9'], []]);
      model.vms.set(9, { ...vm, lcmState: 3 });
      await host01.stop();
      const silent = await fsck(socket, '107', '--repair');
      expect(silent.status).toBe(2);
      expect(silent.report.unanswered).toMatchObject([{ host: 'host01', reason: 'unreachable' }]);
      expect([short(silent.report), silent.report.moved]).toEqual([['frontend left_behind_vm 9', 'host02 left_behind_vm 9'], []]);
    });
  });

  it('finds images of nobody, and missing ones', async () => {
    const lost = '0123456789abcdef0123456789abcdef';
    const { frontEnd, model, socket } = await startCluster();
    const image = {
      id: 3,
      name: 'i',
      type: 0,
      persistent: false,
      datastoreId: 106,
      path: '',
      fs: '',
      template: {},
      format: 'raw',
      sizeMb: 1,
    } as const;
    const more = { snapshots: [], nextSnapshot: 0, targetSnapshot: 0 };
    model.images.set(3, { ...image, ...more, source: '/var/lib/one//datastores/106/aa' });
    model.images.set(4, { ...image, ...more, id: 4, source: '/var/lib/one//datastores/106/cc' });
    for (const name of ['aa', lost, `${lost}.md5sum`]) await writeFile(path.join(frontEnd.datastores, '106', name), name);
    expect(short((await fsck(socket, '106')).report)).toEqual([
      `frontend unknown_image ${lost}`,
      `frontend unknown_image ${lost}.md5sum`,
      'frontend missing_image cc',
    ]);
    await later(async () => {
      const { report } = await fsck(socket, '106', '--repair');
      expect(report.moved.map(({ path: name }) => name)).toEqual([lost, `${lost}.md5sum`]);
      expect((await readdir(path.join(frontEnd.datastores, '106'))).sort()).toEqual(['.quarantine', 'aa']);
      expect(short((await fsck(socket, '106', '--repair')).report)).toEqual(['frontend missing_image cc']);
    });
  });
});
