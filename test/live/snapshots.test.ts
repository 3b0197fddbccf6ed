import { existsSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFailed } from 'vitest';
import { FREEZE_LIMIT_SECONDS, type LiveSite, type RunningVm, startLiveSite, startVm } from './lab/live-site.ts';

/** Snapshots of a guest that runs and writes: through the shims, on a real libvirt; what it wrote is looked at afterwards. */

let site: LiveSite;
let vm: RunningVm;
/** OpenNebula gives each snapshot id of a disk once. */
let next = 0;
/** What was known to be on disk when a snapshot was asked for. */
const snapshots = new Map<number, number>();

beforeAll(async () => {
  site = await startLiveSite();
  vm = await startVm(site, 9);
}, 240_000);

afterAll(async () => {
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

async function verifyAll(): Promise<void> {
  await vm.guest.writes('vda');
  for (const [id, written] of snapshots) await vm.verifySnapshot(0, id, written);
  await vm.verifyNow();
  expect(vm.leftovers()).toEqual([]);
}

/** What libvirt has open as disk 0, active first. */
async function openLayers(): Promise<string[]> {
  const text = await site.libvirt.virsh('domstats', '--block', '--backing', vm.guest.name);
  const names = [...text.matchAll(/block\.(\d+)\.name=vda/g)].map(([, number]) => number);
  return names.map((number) => path.basename(new RegExp(`block\\.${number}\\.path=(.*)`).exec(text)?.[1] ?? ''));
}

async function layerFiles(): Promise<string[]> {
  return (await readdir(`${vm.file(0)}.snap`)).filter((name) => /^\d+$/.test(name)).sort((a, b) => Number(a) - Number(b));
}

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
  }
  delete vm.vm.fsFreeze;
  await verifyAll();
}, 120_000);

it('lets the guest go at the limit, and the snapshot fails', async () => {
  onFailure();
  for (const mode of ['AGENT', 'SUSPEND'] as const) {
    vm.vm.fsFreeze = mode;
    await site.cluster.agent('host01').arm('guest.quiet=pause');
    const id = next;
    next += 1;
    const result = await vm.act('SNAP_CREATE_LIVE', 0, id);
    await site.cluster.agent('host01').arm('');
    expect(result.exit).toBe(1);
    expect(result.info).toContain(`was held for ${FREEZE_LIMIT_SECONDS} s, the limit`);
    expect(await vm.domainState()).toBe('running');
    expect(await vm.isFrozen()).toBe(false);
    expect(vm.leftovers()).toEqual([]);
  }
  delete vm.vm.fsFreeze;
  // What failed is no obstacle.
  await create();
  await verifyAll();
}, 120_000);

it('lets the guest go after the agent was killed while it held it', async () => {
  onFailure();
  const host = site.cluster.agent('host01');
  for (const mode of ['AGENT', 'SUSPEND'] as const) {
    vm.vm.fsFreeze = mode;
    await host.arm('guest.quiet=kill');
    const running = create();
    expect(await host.exited).toBe('SIGKILL');
    if (mode === 'AGENT') expect(await vm.isFrozen()).toBe(true);
    else expect(await vm.domainState()).toBe('paused');
    await host.start();
    await running;
    expect(await vm.domainState()).toBe('running');
    expect(await vm.isFrozen()).toBe(false);
  }
  delete vm.vm.fsFreeze;
  await verifyAll();
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

it.each(['layout', 'prepare', 'plan', 'overlay', 'switch', 'publish', 'check'])(
  'creates a snapshot although the agent is killed at %s',
  async (step) => {
    onFailure();
    const host = site.cluster.agent('host01');
    for (const moment of ['begin', 'end']) {
      await host.arm(`guest.snapshot.create.${step}.${moment}=kill`);
      const running = create();
      expect(await host.exited).toBe('SIGKILL');
      await host.start();
      await running;
    }
    expect((await layerFiles()).length).toBe((await openLayers()).length);
    await verifyAll();
  },
  120_000,
);

const killedDeletes = [
  ...['live plan', 'live prepare', 'merge', 'live pointers', 'live remove'].map(
    (step) => ['the layer below the active one', step] as const,
  ),
  ...['live plan', 'live prepare', 'merge', 'live pointers', 'live remove'].map((step) => ['a layer in the middle', step] as const),
];

it.each(killedDeletes)(
  'removes %s although the agent is killed at %s',
  async (which, step) => {
    onFailure();
    const host = site.cluster.agent('host01');
    for (const moment of ['begin', 'end']) {
      if (snapshots.size < 3) await create();
      const ids = [...snapshots.keys()];
      const id = (which === 'a layer in the middle' ? ids.at(-2) : ids.at(-1)) ?? -1;
      await host.arm(`guest.snapshot.delete.${step}.${moment}=kill`);
      const running = vm.act('SNAP_DELETE', 0, id);
      expect(await host.exited).toBe('SIGKILL');
      await host.start();
      expect(await running).toMatchObject({ exit: 0, info: '-' });
      snapshots.delete(id);
      expect((await layerFiles()).length).toBe((await openLayers()).length);
    }
    await verifyAll();
  },
  120_000,
);

it('goes on with a job that runs when the agent is killed', async () => {
  onFailure();
  const host = site.cluster.agent('host01');
  for (const position of [-1, -2]) {
    while (snapshots.size < 3) await create();
    const id = [...snapshots.keys()].at(position) ?? -1;
    await host.arm('guest.merge.started=kill');
    const running = vm.act('SNAP_DELETE', 0, id);
    expect(await host.exited).toBe('SIGKILL');
    await host.start();
    expect(await running).toMatchObject({ exit: 0, info: '-' });
    snapshots.delete(id);
    await verifyAll();
  }
  const written = await vm.guest.writes('vdb');
  await host.arm('guest.copy.started=kill');
  const running = vm.act('SNAP_CREATE_LIVE', 1, 20);
  expect(await host.exited).toBe('SIGKILL');
  await host.start();
  expect(await running).toMatchObject({ exit: 0, info: '-' });
  await vm.verifySnapshot(1, 20, written);
  expect(await vm.act('SNAP_DELETE', 1, 20)).toMatchObject({ exit: 0, info: '-' });
}, 120_000);

it.each(['prepare', 'copy', 'publish'])(
  'copies a raw disk although the agent is killed at %s',
  async (step) => {
    onFailure();
    const host = site.cluster.agent('host01');
    for (const [index, moment] of ['begin', 'end'].entries()) {
      const written = await vm.guest.writes('vdb');
      await host.arm(`guest.snapshot.create.${step}.${moment}=kill`);
      const running = vm.act('SNAP_CREATE_LIVE', 1, 10 + index);
      expect(await host.exited).toBe('SIGKILL');
      await host.start();
      expect(await running).toMatchObject({ exit: 0, info: '-' });
      await vm.verifySnapshot(1, 10 + index, written);
      expect(await vm.act('SNAP_DELETE', 1, 10 + index)).toMatchObject({ exit: 0, info: '-' });
    }
    expect(vm.leftovers()).toEqual([]);
  },
  120_000,
);

it('has lost nothing when the plug is pulled', async () => {
  onFailure();
  await vm.endAndVerify();
});
