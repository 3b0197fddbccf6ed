import { lstat, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFailed } from 'vitest';
import type { ActionResult } from '../lab/opennebula/mad.ts';
import { killedAt } from './lab/killed.ts';
import { type KvmHostName, type MigratingVm, type MigrationSite, startMigratingVm, startMigrationSite } from './lab/migration-site.ts';
import { Outcomes } from './lab/outcomes.ts';
import { verifyRecords } from './lab/records.ts';

/** A guest changes its host while it runs and writes: through the shims and, between them, as OpenNebula's kvm driver has it migrated. */

let site: MigrationSite;
let vm: MigratingVm;
const ok = { exit: 0, info: '-' } as const;
const outcomes = new Outcomes();

beforeAll(async () => {
  site = await startMigrationSite(async () => undefined);
  // No migration asks the guest agent anything.
  vm = await startMigratingVm(site, 9, { agent: 'hung' });
}, 600_000);

afterAll(async () => {
  outcomes.print();
  await site?.stop();
}, 60_000);

function onFailure(): void {
  onTestFailed(() => void process.stderr.write(`${site.cluster.logs(25)}\n${vm.guest.lines.slice(-5).join('\n')}\n`));
}

async function isThere(name: string): Promise<boolean> {
  return (await lstat(name).catch(() => undefined)) !== undefined;
}

/** Nothing is missing, and nothing is left anywhere. */
async function allIsWell(operation: string, fault: string): Promise<void> {
  const outcome = await vm.outcome();
  outcomes.add(operation, fault, outcome);
  expect(outcome).toEqual({ guest: `running on ${vm.at}`, missing: 0, chain: 'valid', leftovers: 0 });
  expect(await isThere(vm.directory(vm.other))).toBe(false);
  const usual = ['disk.0', 'disk.0.snap', 'disk.1', 'disk.2', 'ds.xml', 'vm.xml'];
  expect((await readdir(vm.directory())).sort()).toEqual(usual);
  expect(await readlink(vm.file(0))).toMatch(/^disk\.0\.snap\/\d+$/);
  expect((await lstat(await activeFile())).isFile()).toBe(true);
}

const activeFile = async (): Promise<string> => path.join(vm.directory(), await readlink(vm.file(0)));

it('migrates a guest without snapshots', async () => {
  onFailure();
  const context = await readFile(vm.file(2));
  expect(await vm.hook('premigrate')).toMatchObject(ok);
  await vm.migrate();
  expect(await vm.hook('postmigrate', 'host01')).toMatchObject(ok);
  await allIsWell('migration', 'none, guest agent hung');
  expect(await readFile(vm.file(2))).toEqual(context);
  expect((await readdir(path.join(vm.directory(), '..'))).sort()).toEqual(['.monitor', '9']);
}, 600_000);

it('takes live snapshots and bitmaps along, and finds the usual names again when postmigrate never comes', async () => {
  onFailure();
  const written: number[] = [];
  for (const id of [0, 1]) {
    written.push(await vm.guest.writes('vda'));
    expect(await vm.act('SNAP_CREATE_LIVE', 57, 0, id)).toMatchObject(ok);
  }
  await vm.libvirt.virsh(
    'checkpoint-create-as',
    'one-9',
    'one-9-0',
    '--diskspec',
    'vda,checkpoint=bitmap',
    '--diskspec',
    'vdb,checkpoint=no',
  );
  const before = await Promise.all(['0', '1'].map((name) => readFile(`${vm.file(0)}.snap/${name}`)));
  expect(await vm.hook('premigrate')).toMatchObject(ok);
  await vm.migrate();
  // The agent looks after a guest that has come.
  await expect.poll(() => readlink(vm.file(0)).catch(() => ''), { timeout: 180_000 }).toBe('disk.0.snap/2');
  expect(await isThere(vm.directory('host02'))).toBe(true);
  // A migration that succeeded is not taken back.
  const refused = await vm.hook('failmigrate', 'host02');
  expect(refused.exit).toBe(1);
  expect(refused.info).toMatch(/one-9 of host01 uses '9' in datastore 107: it stays/);
  expect(await vm.hook('postmigrate', 'host02')).toMatchObject(ok);
  await allIsWell('migration with snapshots', 'failmigrate after it succeeded');
  const after = await Promise.all(['0', '1'].map((name) => readFile(`${vm.file(0)}.snap/${name}`)));
  expect(after.map((layer, index) => layer.equals(before[index] ?? Buffer.alloc(0)))).toEqual([true, true]);
  for (const [index, at] of written.entries()) await verifyRecords(`${vm.file(0)}.snap/${index}`, 'qcow2', at);
}, 600_000);

it('gives up on a guest agent that takes what it is asked and never answers', async () => {
  onFailure();
  vm.vm.fsFreeze = 'AGENT';
  const result = await vm.act('SNAP_CREATE_LIVE', 57, 0, 2);
  delete vm.vm.fsFreeze;
  expect(result.exit).toBe(1);
  expect(result.info).toMatch(/libvirt, domain one-9: .*agent.* is not responding/i);
  await allIsWell('snap_create_live, FS_FREEZE AGENT', 'guest agent hung');
}, 400_000);

it('removes nothing while the domain does not run on the target', async () => {
  onFailure();
  expect(await vm.hook('premigrate')).toMatchObject(ok);
  const result = await vm.hook('postmigrate');
  expect(result.exit).toBe(1);
  expect(result.info).toMatch(/domain one-9 does not run from '9' in datastore 107 on host02: nothing was removed/);
  expect(await vm.hook('failmigrate')).toMatchObject(ok);
  await allIsWell('postmigrate', 'domain not on the target');
  // Called by another TM for one of its disks, for a VM that stays, and again: nothing.
  expect(await vm.hook('premigrate', vm.at, 'ssh')).toMatchObject(ok);
  expect(await vm.hook('failmigrate')).toMatchObject(ok);
  await allIsWell('failmigrate', 'nothing was begun');
}, 400_000);

it('refuses a guest with a block job, before anything is there', async () => {
  onFailure();
  const copy = path.join(site.cluster.site.directory, 'copy');
  await vm.libvirt.virsh('blockcopy', 'one-9', 'vda', '--dest', copy, '--format', 'qcow2', '--transient-job');
  const result = await vm.hook('premigrate');
  await vm.libvirt.virsh('blockjob', 'one-9', 'vda', '--abort');
  expect(result.exit).toBe(1);
  expect(result.info).toMatch(/disk\.0 has a block job under way/);
  await allIsWell('premigrate', 'block job');
}, 400_000);

it('sets a directory of another origin aside', async () => {
  onFailure();
  await mkdir(vm.directory(vm.other), { recursive: true });
  await writeFile(vm.file(1, vm.other), 'maybe the last copy');
  expect(await vm.hook('premigrate')).toMatchObject(ok);
  const root = path.join(vm.directory(vm.other), '..', '.quarantine');
  const [call = ''] = await readdir(root);
  expect(await readFile(path.join(root, call, '9', 'disk.1'), 'utf8')).toBe('maybe the last copy');
  expect(await vm.hook('failmigrate')).toMatchObject(ok);
  await allIsWell('premigrate', 'foreign directory on the target');
}, 400_000);

/** Done, and not yet recorded, when the agent of this host is killed. */
async function killedAtEnds(host: KvmHostName, kind: string, steps: readonly string[], call: () => Promise<ActionResult>): Promise<void> {
  const points = steps.map((step) => `${kind}.${step}.end`);
  await killedAt(site.cluster.agent(host), points, call);
}

it('goes on although the agents are killed at each step', async () => {
  onFailure();
  const [from, to] = [vm.at, vm.other];
  const steps = ['check', 'make room', 'manifest', 'images', 'prepare', 'arrange', 'set aside', 'note', 'publish', 'mark', 'clean'];
  await killedAtEnds(from, 'guest.migration.prepare', ['settle', 'plan', 'name disk.0'], () => vm.hook('premigrate'));
  await killedAtEnds(to, 'guest.migration.abandon', ['look', 'remove', 'forget'], () => vm.hook('failmigrate'));
  await allIsWell('failmigrate', 'agents killed at each step');
  await killedAtEnds(to, 'guest.receive', steps, () => vm.hook('premigrate'));
  await killedAtEnds(from, 'guest.migration.abandon', ['look', 'names'], () => vm.hook('failmigrate'));
  await allIsWell('premigrate', 'agents killed at each step');
  expect(await vm.hook('premigrate')).toMatchObject(ok);
  await vm.migrate({ incremental: true });
  await killedAtEnds(to, 'guest.migration.confirm', ['check', 'names', 'arrived'], async () => {
    return await vm.hook('postmigrate', from);
  });
  await allIsWell('postmigrate', 'agents killed at each step');
}, 900_000);

it('migrates what was booted with snapshots, and goes on with them', async () => {
  onFailure();
  await vm.reboot();
  const from = vm.at;
  expect(await vm.hook('premigrate')).toMatchObject(ok);
  await vm.migrate();
  await killedAtEnds(from, 'guest.migration.finish', ['remove'], () => vm.hook('postmigrate', from));
  await allIsWell('postmigrate', "source's agent killed at the removal");
  for (const id of [2]) expect(await vm.act('SNAP_CREATE_LIVE', 57, 0, id)).toMatchObject(ok);
  for (const id of [1, 0, 2]) expect(await vm.act('SNAP_DELETE', 59, 0, id)).toMatchObject(ok);
  await allIsWell('snapshots after a migration', 'none');
}, 600_000);

it('moves a running guest to another datastore of its host, and goes on with its snapshots', async () => {
  onFailure();
  const { model } = site.cluster.one;
  model.datastores.set(108, { ...site.system, id: 108, name: 'sys_other', basePath: `${model.datastoreLocation}/108` });
  const old = vm.directory();
  const written = await vm.guest.writes('vda');
  expect(await vm.act('SNAP_CREATE_LIVE', 57, 0, 3)).toMatchObject(ok);
  for (const result of await vm.changeDatastore(108)) expect(result).toMatchObject(ok);
  await allIsWell('migration to another datastore of the host', 'none');
  expect(await isThere(old)).toBe(false);
  const layer = await readFile(`${vm.file(0)}.snap/3.current`, 'utf8').catch(() => '3');
  await verifyRecords(`${vm.file(0)}.snap/${path.basename(layer.trim())}`, 'qcow2', written);
  expect(await vm.act('SNAP_CREATE_LIVE', 57, 0, 4)).toMatchObject(ok);
  await allIsWell('snap_create_live after it', 'none');
}, 300_000);
