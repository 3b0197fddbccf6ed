import { existsSync } from 'node:fs';
import { readdir, readlink, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFailed } from 'vitest';
import { type LiveSite, type RunningVm, startLiveSite, startVm } from './lab/live-site.ts';

/** Disks as other drivers, an admin and a life of snapshots leave them; and what goes wrong around a guest. */

let site: LiveSite;
let vm: RunningVm;
const ok = { exit: 0, info: '-' } as const;
const snapshots = new Map<number, number>();

beforeAll(async () => {
  site = await startLiveSite();
  vm = await startVm(site, 9, { plain: true });
}, 240_000);

afterAll(async () => {
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

async function verifyAll(): Promise<void> {
  for (const [id, written] of snapshots) await vm.verifySnapshot(0, id, written);
  expect(vm.leftovers()).toEqual([]);
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
  await vm.verifyNow();
  await verifyAll();
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
