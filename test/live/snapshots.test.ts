import { existsSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFailed } from 'vitest';
import { killedAt } from './lab/killed.ts';
import { FREEZE_LIMIT_SECONDS, type LiveSite, type RunningVm, startLiveSite, startVm } from './lab/live-site.ts';
import { Outcomes } from './lab/outcomes.ts';
import { answersOfLibvirt } from './virsh-answers.ts';

/** Snapshots of a guest that runs and writes: through the shims, on a real libvirt; what it wrote is looked at afterwards. */

let site: LiveSite;
let vm: RunningVm;
/** OpenNebula gives each snapshot id of a disk once. */
let next = 0;
/** What was known to be on disk when a snapshot was asked for. */
const snapshots = new Map<number, number>();
const outcomes = new Outcomes();

beforeAll(async () => {
  site = await startLiveSite();
  vm = await startVm(site, 9);
}, 240_000);

afterAll(async () => {
  outcomes.print();
  await site?.stop();
}, 60_000);

function onFailure(): void {
  onTestFailed(() => void process.stderr.write(`${site.cluster.logs(12)}\n${vm.guest.lines.slice(-5).join('\n')}\n`));
}

/** A snapshot of disk 0; the guest has written since the last one. */
async function create(): Promise<number> {
  const id = next;
  next += 1;
  const written = await vm.guest.writes('vda');
  expect(await vm.act('SNAP_CREATE_LIVE', 0, id)).toMatchObject({ exit: 0, info: '-' });
  snapshots.set(id, written);
  return id;
}

async function verifyAll(): Promise<number> {
  await vm.guest.writes('vda');
  let missing = 0;
  for (const [id, written] of snapshots) missing += (await vm.verifySnapshot(0, id, written)).missing.length;
  missing += (await vm.verifyNow()).missing.length;
  expect(vm.leftovers()).toEqual([]);
  return missing;
}

/** Everything is verified, and a line of the table tells so. */
async function proved(operation: string, fault: string, heldMs?: number): Promise<void> {
  const missing = await verifyAll();
  const guest = await vm.domainState();
  expect(guest).toBe('running');
  outcomes.add(operation, fault, { guest, missing, chain: 'valid', leftovers: vm.leftovers().length }, heldMs);
}

const host = () => site.cluster.agent('host01');
const of = (kind: string, steps: readonly string[]) => steps.map((step) => `${kind}.${step}`);

/** What libvirt has open as disk 0, active first. */
async function openLayers(): Promise<string[]> {
  const text = await site.libvirt.virsh('domstats', '--block', '--backing', vm.guest.name);
  const names = [...text.matchAll(/block\.(\d+)\.name=vda/g)].map(([, number]) => number);
  return names.map((number) => path.basename(new RegExp(`block\\.${number}\\.path=(.*)`).exec(text)?.[1] ?? ''));
}

async function layerFiles(): Promise<string[]> {
  return (await readdir(`${vm.file(0)}.snap`)).filter((name) => /^\d+$/.test(name)).sort((a, b) => Number(a) - Number(b));
}

answersOfLibvirt(
  () => site.libvirt,
  () => vm,
);

it('snapshots a qcow2 disk', async () => {
  onFailure();
  for (let number = 0; number < 4; number += 1) await create();
  expect(await openLayers()).toEqual(['4', '3', '2', '1', 'disk.0']);
  await verifyAll();
});

it('removes the snapshot below the active layer, one in the middle, and the lowest', async () => {
  onFailure();
  // pull: layer 3 goes into the active layer 4
  expect(await vm.act('SNAP_DELETE', 0, 3)).toMatchObject({ exit: 0, info: '-' });
  snapshots.delete(3);
  expect(await openLayers()).toEqual(['4', '2', '1', 'disk.0']);
  await verifyAll();
  // commit: layer 2 goes into layer 1, which then holds snapshot 2
  expect(await vm.act('SNAP_DELETE', 0, 1)).toMatchObject({ exit: 0, info: '-' });
  snapshots.delete(1);
  expect(await vm.snapshotFile(0, 2)).toMatch(/\/1$/);
  await verifyAll();
  // The layer the guest was started with: qemu knows it by a link that leads elsewhere by now, so nothing is written into it.
  expect(await vm.act('SNAP_DELETE', 0, 0)).toMatchObject({ exit: 0, info: '-' });
  snapshots.delete(0);
  expect(await openLayers()).toEqual(['4', '1', 'disk.0']);
  await verifyAll();
  expect(await vm.act('SNAP_DELETE', 0, 2)).toMatchObject({ exit: 0, info: '-' });
  snapshots.delete(2);
  expect(await openLayers()).toEqual(['4', 'disk.0']);
  expect(await layerFiles()).toEqual(['0', '4']);
  await verifyAll();
}, 120_000);

it('copies a raw disk', async () => {
  onFailure();
  const written = await vm.guest.writes('vdb');
  expect(await vm.act('SNAP_CREATE_LIVE', 1, 0)).toMatchObject({ exit: 0, info: '-' });
  await vm.verifySnapshot(1, 0, written);
  expect(vm.leftovers()).toEqual([]);
  expect(await vm.act('SNAP_DELETE', 1, 0)).toMatchObject({ exit: 0, info: '-' });
  expect(existsSync(`${vm.file(1)}.snap/0`)).toBe(false);
});

it('freezes by the guest agent and suspends, for the moment of the snapshot only', async () => {
  onFailure();
  const hold = path.join(site.cluster.site.directory, 'hold');
  for (const mode of ['AGENT', 'SUSPEND'] as const) {
    vm.vm.fsFreeze = mode;
    await vm.guest.writes(writerOf(mode));
    vm.guest.silence(writerOf(mode));
    await writeFile(hold, '');
    await site.cluster.agent('host01').arm(`guest.quiet=hold:${hold}`);
    const running = create();
    await expect.poll(() => existsSync(`${hold}.reached`), { timeout: 30_000, interval: 20 }).toBe(true);
    if (mode === 'AGENT') expect(await vm.isFrozen()).toBe(true);
    else expect(await vm.domainState()).toBe('paused');
    await site.cluster.agent('host01').arm('');
    await rm(hold);
    await rm(`${hold}.reached`);
    await running;
    expect(await vm.domainState()).toBe('running');
    expect(await vm.isFrozen()).toBe(false);
    await vm.guest.writes(writerOf(mode));
    await proved(`snap_create_live, FS_FREEZE ${mode}`, 'none', vm.guest.silence(writerOf(mode)));
  }
  delete vm.vm.fsFreeze;
}, 120_000);

/** Whose silence tells how long the guest was held: frozen, only what writes to the file system; suspended, all. */
const writerOf = (mode: 'AGENT' | 'SUSPEND') => (mode === 'AGENT' ? 'fs' : 'vda');

it('lets the guest go at the limit, and the snapshot fails', async () => {
  onFailure();
  for (const mode of ['AGENT', 'SUSPEND'] as const) {
    vm.vm.fsFreeze = mode;
    await site.cluster.agent('host01').arm('guest.quiet=pause');
    const id = next;
    next += 1;
    await vm.guest.writes(writerOf(mode));
    vm.guest.silence(writerOf(mode));
    const result = await vm.act('SNAP_CREATE_LIVE', 0, id);
    await site.cluster.agent('host01').arm('');
    expect(result.exit).toBe(1);
    expect(result.info).toContain(`was held for ${FREEZE_LIMIT_SECONDS} s, the limit`);
    expect(await vm.domainState()).toBe('running');
    expect(await vm.isFrozen()).toBe(false);
    await vm.guest.writes(writerOf(mode));
    await proved(`snap_create_live, FS_FREEZE ${mode}`, 'held until the limit', vm.guest.silence(writerOf(mode)));
  }
  delete vm.vm.fsFreeze;
  // What failed is no obstacle.
  await create();
}, 120_000);

it('lets the guest go after the agent was killed while it held it', async () => {
  onFailure();
  for (const mode of ['AGENT', 'SUSPEND'] as const) {
    vm.vm.fsFreeze = mode;
    await vm.guest.writes(writerOf(mode));
    vm.guest.silence(writerOf(mode));
    await host().arm('guest.quiet=kill');
    const running = create();
    expect(await host().exited).toBe('SIGKILL');
    if (mode === 'AGENT') expect(await vm.isFrozen()).toBe(true);
    else expect(await vm.domainState()).toBe('paused');
    await host().start();
    await running;
    expect(await vm.isFrozen()).toBe(false);
    await vm.guest.writes(writerOf(mode));
    await proved(`snap_create_live, FS_FREEZE ${mode}`, 'agent killed while it held the guest', vm.guest.silence(writerOf(mode)));
  }
  delete vm.vm.fsFreeze;
}, 120_000);

it('replaces the file that a failed attempt left', async () => {
  onFailure();
  await site.cluster.agent('host01').arm('guest.snapshot.create.switch.begin=reason:busy');
  const failed = await vm.act('SNAP_CREATE_LIVE', 0, next);
  await site.cluster.agent('host01').arm('');
  expect(failed.exit).toBe(1);
  const files = await layerFiles();
  expect(await vm.act('SNAP_CREATE_LIVE', 0, next)).toMatchObject({ exit: 0, info: '-' });
  expect((await layerFiles()).length).toBe(files.length + 1);
  snapshots.set(next, 0);
  next += 1;
  await verifyAll();
});

it('creates a snapshot although the agent is killed at each step', async () => {
  onFailure();
  const id = next;
  next += 1;
  const written = await vm.guest.writes('vda');
  const points = ['layout.end', 'prepare.end', 'plan.end', 'overlay.end', 'switch.begin', 'switch.end', 'publish.end', 'check.end'];
  await killedAt(host(), of('guest.snapshot.create', points), () => vm.act('SNAP_CREATE_LIVE', 0, id));
  snapshots.set(id, written);
  expect((await layerFiles()).length).toBe((await openLayers()).length);
  await proved('snap_create_live', 'agent killed at each step');
}, 300_000);

it.each([
  ['the layer below the active one', -1],
  ['a layer in the middle', -2],
] as const)(
  'removes %s although the agent is killed at each step, and while the job runs',
  async (which, position) => {
    onFailure();
    while (snapshots.size < 3) await create();
    const id = [...snapshots.keys()].at(position) ?? -1;
    const before = of('guest.snapshot.delete', ['live plan.end', 'live prepare.end']);
    const after = of('guest.snapshot.delete', ['merge.end', 'live pointers.end', 'live remove.end']);
    await killedAt(host(), [...before, 'guest.merge.started', ...after], () => vm.act('SNAP_DELETE', 0, id));
    snapshots.delete(id);
    expect((await layerFiles()).length).toBe((await openLayers()).length);
    await proved(`snap_delete of ${which}`, 'agent killed at each step');
  },
  300_000,
);

it('copies a raw disk although the agent is killed at each step, and while the job runs', async () => {
  onFailure();
  const written = await vm.guest.writes('vdb');
  const after = of('guest.snapshot.create', ['copy.end', 'publish.end']);
  await killedAt(host(), ['guest.snapshot.create.prepare.end', 'guest.copy.started', ...after], () => vm.act('SNAP_CREATE_LIVE', 1, 10));
  await vm.verifySnapshot(1, 10, written);
  expect(await vm.act('SNAP_DELETE', 1, 10)).toMatchObject({ exit: 0, info: '-' });
  await proved('snap_create_live of a raw disk', 'agent killed at each step');
}, 300_000);

it('has lost nothing when the plug is pulled', async () => {
  onFailure();
  await vm.endAndVerify();
});
