import { existsSync } from 'node:fs';
import { mkdir, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFailed } from 'vitest';
import { killedAt } from './lab/killed.ts';
import { type LiveSite, type RunningVm, startLiveSite, startVm } from './lab/live-site.ts';
import { Outcomes } from './lab/outcomes.ts';
import { verifyRecords } from './lab/records.ts';
import { tool } from './lab/tools.ts';

/**
 * Disks as other drivers, an admin and a life of snapshots leave them; disks that become images (cpds, LCM 26); and what goes wrong around a
 * guest, which has no guest agent.
 */

let site: LiveSite;
let vm: RunningVm;
const ok = { exit: 0, info: '-' } as const;
const snapshots = new Map<number, number>();
const outcomes = new Outcomes();
/** Images that disks were saved as. */
let images = 0;

beforeAll(async () => {
  site = await startLiveSite();
  vm = await startVm(site, 9, { plain: true, agent: false });
  await mkdir(path.join(site.cluster.agent('frontend').datastores, '106'), { recursive: true });
}, 240_000);

afterAll(async () => {
  outcomes.print();
  await site?.stop();
}, 60_000);

function onFailure(): void {
  onTestFailed(() => void process.stderr.write(`${site.cluster.logs(12)}\n${vm.guest.lines.slice(-5).join('\n')}\n`));
}

async function createLive(id: number): Promise<void> {
  const written = await vm.guest.writes('vda');
  expect(await vm.act('SNAP_CREATE_LIVE', 0, id)).toMatchObject(ok);
  snapshots.set(id, written);
}

async function remove(id: number): Promise<void> {
  expect(await vm.act('SNAP_DELETE', 0, id)).toMatchObject(ok);
  snapshots.delete(id);
}

async function verifyAll(): Promise<number> {
  let missing = 0;
  for (const [id, written] of snapshots) missing += (await vm.verifySnapshot(0, id, written)).missing.length;
  expect(vm.leftovers()).toEqual([]);
  return missing;
}

/** Everything is verified, and a line of the table tells so. */
async function proved(operation: string, fault: string): Promise<void> {
  const missing = (await verifyAll()) + (await vm.verifyNow()).missing.length;
  const guest = await vm.domainState();
  expect(guest).toBe('running');
  outcomes.add(operation, fault, { guest, missing, chain: 'valid', leftovers: vm.leftovers().length });
}

it('makes layers of a plain qcow2 file, also when the agent is killed at it', async () => {
  onFailure();
  const host = site.cluster.agent('host01');
  await host.arm('guest.snapshot.create.become layers.end=kill');
  const running = createLive(0);
  expect(await host.exited).toBe('SIGKILL');
  await host.start();
  await running;
  expect(await readlink(vm.file(0))).toBe('disk.0.snap/1');
  await createLive(1);
  await vm.verifyNow();
  await verifyAll();
}, 120_000);

it('goes on with what a guest that ran left, off and on again', async () => {
  onFailure();
  const written = vm.guest.written('vda');
  await vm.powerOff();
  snapshots.set(2, written);
  expect(await vm.act('SNAP_CREATE', 0, 2)).toMatchObject(ok);
  // A tree: what was written since snapshot 0 is in a branch that no guest has open.
  expect(await vm.act('SNAP_REVERT', 0, 0)).toMatchObject(ok);
  await verifyAll();
  await vm.boot();
  await createLive(3);
  await createLive(4);
  await vm.verifyNow();
  await verifyAll();
}, 120_000);

it('removes snapshots of a tree: in a branch that is not open, and where the branches part', async () => {
  onFailure();
  await remove(1);
  await vm.verifyNow();
  await verifyAll();
  // Layer 0 has the branch of snapshot 2 on it as well, which takes over what it needs.
  await remove(0);
  await vm.verifyNow();
  await verifyAll();
  await remove(4);
  await remove(3);
  await vm.verifyNow();
  await verifyAll();
}, 120_000);

it('keeps names in headers that a restarted guest finds', async () => {
  onFailure();
  for (const id of [5, 6]) {
    await createLive(id);
    await vm.endAndVerify();
    await vm.boot();
    await createLive(id + 10);
    await remove(id);
    await vm.verifyNow();
    await verifyAll();
  }
}, 180_000);

it('ends the copy of a raw disk that is cancelled, and lets the guest go', async () => {
  onFailure();
  vm.vm.fsFreeze = 'SUSPEND';
  const hold = path.join(site.cluster.site.directory, 'hold');
  for (const disk of [0, 1]) {
    await writeFile(hold, '');
    await site.cluster.agent('host01').arm(`guest.quiet=hold:${hold}`);
    const stop = new AbortController();
    const running = vm.actUntil(stop.signal, 'SNAP_CREATE_LIVE', disk, 40);
    await expect.poll(() => existsSync(`${hold}.reached`), { timeout: 30_000, interval: 20 }).toBe(true);
    stop.abort();
    expect((await running).exit).not.toBe(0);
    await expect.poll(() => vm.leftovers(), { timeout: 30_000 }).toEqual([]);
    await expect.poll(() => vm.domainState(), { timeout: 30_000 }).toBe('running');
    await site.cluster.agent('host01').arm('');
    await rm(hold, { force: true });
    await rm(`${hold}.reached`, { force: true });
  }
  delete vm.vm.fsFreeze;
  expect(await site.libvirt.virsh('domblklist', 'one-9')).not.toMatch(/disk\.0\.snap\/41/);
  expect(await readdir(`${vm.file(1)}.snap`).catch(() => [])).toEqual([]);
  await createLive(41);
  expect(await vm.act('SNAP_CREATE_LIVE', 1, 41)).toMatchObject(ok);
  await proved('snap_create_live, FS_FREEZE SUSPEND', 'cancelled');
}, 120_000);

const FORMATS = ['qcow2', 'raw'] as const;

/** oned's word for the new image, and the file the front-end has. */
function newImage(): { source: string; file: string } {
  images += 1;
  const name = `saved${images}`;
  return {
    source: `${site.cluster.one.model.datastoreLocation}/106/${name}`,
    file: path.join(site.cluster.agent('frontend').datastores, '106', name),
  };
}

it.each([0, 1] as const)('saves disk %s of a running guest', async (disk) => {
  onFailure();
  const image = newImage();
  const written = await vm.guest.writes(disk === 0 ? 'vda' : 'vdb');
  expect(await vm.act('CPDS', disk, image.source, -1)).toMatchObject({ exit: 0, info: '-' });
  await verifyRecords(image.file, FORMATS[disk], written);
  expect(await tool('qemu-img', ['info', '-f', FORMATS[disk], image.file])).not.toContain('backing file');
  expect(await vm.domainState()).toBe('running');
  expect(vm.leftovers()).toEqual([]);
});

it('saves a disk with live snapshots, and one of them', async () => {
  onFailure();
  const first = await vm.guest.writes('vda');
  await createLive(60);
  const later = await vm.guest.writes('vda');
  const [whole, snapshot] = [newImage(), newImage()];
  expect(await vm.act('CPDS', 0, whole.source, -1)).toMatchObject({ exit: 0, info: '-' });
  expect(await vm.act('CPDS', 0, snapshot.source, 60)).toMatchObject({ exit: 0, info: '-' });
  expect((await verifyRecords(whole.file, 'qcow2', later)).last).toBeGreaterThan((await verifyRecords(snapshot.file, 'qcow2', first)).last);
  expect(vm.leftovers()).toEqual([]);
});

it.each([
  ['host01', ['guest.disk.copy.copy.begin', 'guest.copy.started', 'guest.quiet', 'guest.disk.copy.copy.end', 'disk.remove.remove.end']],
  ['frontend', ['transfer.receive.manifest.begin']],
] as const)(
  'saves a disk although the agent of %s is killed at each step',
  async (host, points) => {
    onFailure();
    vm.vm.fsFreeze = 'SUSPEND';
    const image = newImage();
    const written = await vm.guest.writes('vda');
    await killedAt(site.cluster.agent(host), points, () => vm.act('CPDS', 0, image.source, -1));
    delete vm.vm.fsFreeze;
    await verifyRecords(image.file, 'qcow2', written);
    expect(await vm.domainState()).toBe('running');
    expect(vm.leftovers()).toEqual([]);
  },
  240_000,
);

it('says that the guest agent does not answer, and leaves nothing', async () => {
  onFailure();
  vm.vm.fsFreeze = 'AGENT';
  const image = newImage();
  for (const result of [
    await vm.act('SNAP_CREATE_LIVE', 0, 65),
    await vm.act('SNAP_CREATE_LIVE', 1, 65),
    await vm.act('CPDS', 0, image.source, -1),
  ]) {
    expect(result.exit).toBe(1);
    expect(result.info).toContain('Guest agent is not responding');
  }
  delete vm.vm.fsFreeze;
  expect(vm.leftovers()).toEqual([]);
  expect(await site.libvirt.virsh('domblklist', 'one-9')).not.toContain('disk.0.snap/66');
  // Without it, and by suspending, it goes.
  vm.vm.fsFreeze = 'SUSPEND';
  await createLive(66);
  delete vm.vm.fsFreeze;
  await proved('snap_create_live and cpds, FS_FREEZE AGENT', 'no guest agent');
}, 120_000);

it('leaves the resize of a running guest to the hypervisor', async () => {
  onFailure();
  expect(await vm.act('RESIZE', 1, 128)).toMatchObject({ exit: 0, info: '-' });
  expect(await tool('qemu-img', ['info', '-U', '-f', 'raw', vm.file(1)])).toContain('64 MiB');
});

it('fails in one line when libvirt is gone, and goes on when it is back', async () => {
  onFailure();
  await site.libvirt.killDaemon();
  const result = await vm.act('SNAP_CREATE_LIVE', 0, 70);
  expect(result).toMatchObject({ exit: 1 });
  expect(result.info).toMatch(/libvirt, domain one-9: .*(?:connect|socket)/i);
  await site.libvirt.startDaemon();
  await createLive(71);
  await proved('snap_create_live', 'libvirtd gone');
}, 120_000);

it('lets a held guest go when libvirt comes back after the agent', async () => {
  onFailure();
  vm.vm.fsFreeze = 'SUSPEND';
  const host = site.cluster.agent('host01');
  await host.arm('guest.quiet=kill');
  const running = vm.act('SNAP_CREATE_LIVE', 0, 80);
  expect(await host.exited).toBe('SIGKILL');
  expect(await vm.domainState()).toBe('paused');
  await site.libvirt.killDaemon();
  await host.start();
  expect((await running).exit).toBe(1);
  await site.libvirt.startDaemon();
  await expect.poll(() => vm.domainState(), { timeout: 60_000 }).toBe('running');
  await expect.poll(() => vm.leftovers(), { timeout: 30_000 }).toEqual([]);
  delete vm.vm.fsFreeze;
  await createLive(81);
  await proved('snap_create_live, FS_FREEZE SUSPEND', 'agent and libvirtd killed while it held the guest');
}, 120_000);

it('says what happened to a guest that ends in the middle', async () => {
  onFailure();
  vm.vm.fsFreeze = 'SUSPEND';
  const hold = path.join(site.cluster.site.directory, 'hold2');
  await writeFile(hold, '');
  await site.cluster.agent('host01').arm(`guest.quiet=hold:${hold}`);
  const running = vm.act('SNAP_CREATE_LIVE', 0, 50);
  await expect.poll(() => existsSync(`${hold}.reached`), { timeout: 30_000, interval: 20 }).toBe(true);
  await vm.powerOff();
  await site.cluster.agent('host01').arm('');
  await rm(hold);
  const result = await running;
  expect(result.exit).toBe(1);
  expect(result.info).toMatch(/one-9/);
  expect(vm.leftovers()).toEqual([]);
  // Off, the snapshots of the guest are gone the file way.
  for (const id of [...snapshots.keys()]) await remove(id);
  await verifyAll();
  await vm.boot();
  await vm.verifyNow();
  await vm.endAndVerify();
}, 120_000);
