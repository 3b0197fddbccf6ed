import { lstat } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it, onTestFailed } from 'vitest';
import { mountSmallDisk, type SmallDisk } from '../fault/small-disk.ts';
import { type MigratingVm, type MigrationSite, startMigratingVm, startMigrationSite } from './lab/migration-site.ts';
import { Outcomes } from './lab/outcomes.ts';

/** What goes wrong around a guest that is migrated: each time it stays where it was, whole, and nothing is left on the other host. */

let site: MigrationSite;
let vm: MigratingVm;
let small: SmallDisk;
const ok = { exit: 0, info: '-' } as const;
const outcomes = new Outcomes();
/** MiB/s: a migration that takes long enough to be disturbed. */
const SLOW = { options: ['--bandwidth', '1'] } as const;

beforeAll(async () => {
  // A host that is cut off is looked for no longer.
  const deadlines = { reattach_seconds: 5, cancel_seconds: 10 };
  site = await startMigrationSite(
    async ({ host02 }) => {
      small = await mountSmallDisk(host02, 300);
    },
    { deadlines },
  );
  vm = await startMigratingVm(site, 9, { agent: false });
  expect(await vm.act('SNAP_CREATE_LIVE', 57, 0, 0)).toMatchObject(ok);
}, 600_000);

afterAll(async () => {
  outcomes.print();
  await small?.unmount();
  await site?.stop();
}, 60_000);

function onFailure(): void {
  onTestFailed(() => void process.stderr.write(`${site.cluster.logs(20)}\n${vm.guest.lines.slice(-5).join('\n')}\n`));
}

/** The guest is where it was, nothing is missing, and the other host has nothing of it. */
async function allIsWell(operation: string, fault: string): Promise<void> {
  const outcome = await vm.outcome();
  outcomes.add(operation, fault, outcome);
  expect(outcome).toEqual({ guest: 'running on host01', missing: 0, chain: 'valid', leftovers: 0 });
  expect(await lstat(vm.directory('host02')).catch(() => undefined)).toBeUndefined();
  expect(await lstat(`${vm.file(0)}.migrating`).catch(() => undefined)).toBeUndefined();
}

/** Begins a migration; how it ends is told later. */
function begin(options: Parameters<typeof vm.migrate>[0] = SLOW): Promise<unknown> {
  return vm.migrate(options).then(
    () => 'migrated',
    (thrown: unknown) => thrown,
  );
}

/** The target knows the guest, and data is on its way. */
async function isUnderWay(): Promise<void> {
  await expect.poll(() => site.libvirts.host02.virsh('list', '--all', '--name'), { timeout: 180_000 }).toContain('one-9');
  await expect.poll(() => vm.libvirt.virsh('domjobinfo', 'one-9').catch(() => ''), { timeout: 180_000 }).toMatch(/Outgoing/);
}

it.each(['host01', 'host02'] as const)(
  'says in one line that libvirt of %s is gone',
  async (host) => {
    onFailure();
    await site.libvirts[host].killDaemon();
    const result = await vm.hook('premigrate');
    await site.libvirts[host].startDaemon();
    expect(result.exit).toBe(1);
    expect(result.info).toMatch(/libvirt, domain one-9: .*(?:connect|socket)/i);
    await allIsWell('premigrate', `libvirtd of ${host === 'host01' ? 'the source' : 'the target'} gone`);
  },
  120_000,
);

it('needs the space that the disks will take', async () => {
  onFailure();
  await small.fill(2048);
  const result = await vm.hook('premigrate');
  await small.empty();
  expect(result.exit).toBe(1);
  expect(result.info).toMatch(/no space left in datastore 107 on host02 \(needs [\d.]+ MiB, has 2\.0 MiB[;)]/);
  await allIsWell('premigrate', 'target disk full');
}, 400_000);

it('aborts a migration', async () => {
  onFailure();
  expect(await vm.hook('premigrate')).toMatchObject(ok);
  const migration = begin();
  await isUnderWay();
  await vm.libvirt.virsh('domjobabort', 'one-9');
  expect(await migration).toBeInstanceOf(Error);
  expect(await vm.hook('failmigrate')).toMatchObject(ok);
  await allIsWell('migration', 'aborted');
}, 600_000);

it('fills the disk of the target while the guest comes', async () => {
  onFailure();
  expect(await vm.hook('premigrate')).toMatchObject(ok);
  await small.fill(0);
  expect(await begin({})).toBeInstanceOf(Error);
  await small.empty();
  expect(await vm.hook('failmigrate')).toMatchObject(ok);
  await allIsWell('migration', 'target disk full');
}, 600_000);

it.each(['host01', 'host02'] as const)(
  'restarts libvirtd of %s in the middle',
  async (host) => {
    onFailure();
    expect(await vm.hook('premigrate')).toMatchObject(ok);
    const migration = begin();
    await isUnderWay();
    await site.libvirts[host].killDaemon();
    expect(await migration).toBeInstanceOf(Error);
    await site.libvirts[host].startDaemon();
    // libvirt ends what it finds half done, in its own time; until then nothing is removed.
    await expect.poll(async () => (await vm.hook('failmigrate')).exit, { timeout: 120_000, interval: 2000 }).toBe(0);
    await expect.poll(() => vm.libvirt.virsh('domjobinfo', 'one-9').catch(() => ''), { timeout: 180_000 }).not.toMatch(/Outgoing/);
    await allIsWell('migration', `libvirtd of ${host === 'host01' ? 'the source' : 'the target'} restarted`);
  },
  240_000,
);

it('cuts the target off in the middle', async () => {
  onFailure();
  expect(await vm.hook('premigrate')).toMatchObject(ok);
  const migration = begin();
  await isUnderWay();
  const target = site.libvirts.host02;
  target.hang();
  // The source first: its guest has its disks back although nobody knows of the target.
  const result = await vm.hook('failmigrate');
  expect(result.exit).toBe(1);
  expect(result.info).toMatch(/host02/);
  await vm.guest.writes('vda');
  target.goOn();
  await vm.libvirt.virsh('domjobabort', 'one-9').catch(() => undefined);
  const end = await migration;
  if (end === 'migrated') throw new Error('the migration went through: it was not slow enough');
  await expect.poll(async () => (await vm.hook('failmigrate')).exit, { timeout: 120_000, interval: 2000 }).toBe(0);
  await allIsWell('migration', 'target cut off, and back');
}, 600_000);

it('migrates after all that', async () => {
  onFailure();
  expect(await vm.hook('premigrate')).toMatchObject(ok);
  await vm.migrate();
  expect(await vm.hook('postmigrate', 'host01')).toMatchObject(ok);
  const outcome = await vm.outcome();
  outcomes.add('migration', 'none, after all of these', outcome);
  expect(outcome).toEqual({ guest: 'running on host02', missing: 0, chain: 'valid', leftovers: 0 });
}, 600_000);
