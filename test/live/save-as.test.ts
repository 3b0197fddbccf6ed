import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFailed } from 'vitest';
import { type LiveSite, type RunningVm, startLiveSite, startVm } from './lab/live-site.ts';
import { verifyRecords } from './lab/records.ts';
import { tool } from './lab/tools.ts';

/** The disk of a guest that runs becomes an image (cpds, LCM 26); and a guest without a guest agent. */

let site: LiveSite;
let vm: RunningVm;
let images = 0;

beforeAll(async () => {
  site = await startLiveSite();
  vm = await startVm(site, 9, { agent: false });
  await mkdir(path.join(site.cluster.agent('frontend').datastores, '106'), { recursive: true });
}, 240_000);

afterAll(async () => {
  await site?.stop();
}, 60_000);

function onFailure(): void {
  onTestFailed(() => void process.stderr.write(`${site.cluster.logs(12)}\n${vm.guest.lines.slice(-5).join('\n')}\n`));
}

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
  expect(await vm.act('SNAP_CREATE_LIVE', 0, 0)).toMatchObject({ exit: 0, info: '-' });
  const later = await vm.guest.writes('vda');
  const [whole, snapshot] = [newImage(), newImage()];
  expect(await vm.act('CPDS', 0, whole.source, -1)).toMatchObject({ exit: 0, info: '-' });
  expect(await vm.act('CPDS', 0, snapshot.source, 0)).toMatchObject({ exit: 0, info: '-' });
  expect((await verifyRecords(whole.file, 'qcow2', later)).last).toBeGreaterThan((await verifyRecords(snapshot.file, 'qcow2', first)).last);
  expect(vm.leftovers()).toEqual([]);
});

it.each([
  'guest.disk.copy.copy.begin',
  'guest.disk.copy.copy.end',
  'guest.copy.started',
  'guest.quiet',
  'transfer.receive.manifest.begin',
  'disk.remove.remove.end',
])(
  'saves a disk although agents are killed at %s',
  async (point) => {
    onFailure();
    vm.vm.fsFreeze = 'SUSPEND';
    const host = site.cluster.agent(point.startsWith('transfer') ? 'frontend' : 'host01');
    const image = newImage();
    const written = await vm.guest.writes('vda');
    await host.arm(`${point}=kill`);
    const running = vm.act('CPDS', 0, image.source, -1);
    expect(await host.exited).toBe('SIGKILL');
    await host.start();
    expect(await running).toMatchObject({ exit: 0, info: '-' });
    delete vm.vm.fsFreeze;
    await verifyRecords(image.file, 'qcow2', written);
    expect(await vm.domainState()).toBe('running');
    expect(vm.leftovers()).toEqual([]);
  },
  120_000,
);

it('says that the guest agent does not answer, and leaves nothing', async () => {
  onFailure();
  vm.vm.fsFreeze = 'AGENT';
  const image = newImage();
  for (const result of [
    await vm.act('SNAP_CREATE_LIVE', 0, 5),
    await vm.act('SNAP_CREATE_LIVE', 1, 5),
    await vm.act('CPDS', 0, image.source, -1),
  ]) {
    expect(result.exit).toBe(1);
    expect(result.info).toContain('Guest agent is not responding');
  }
  delete vm.vm.fsFreeze;
  expect(vm.leftovers()).toEqual([]);
  expect(await site.libvirt.virsh('domblklist', 'one-9')).not.toContain('disk.0.snap/6');
  // Without it, and by suspending, it goes.
  vm.vm.fsFreeze = 'SUSPEND';
  expect(await vm.act('SNAP_CREATE_LIVE', 0, 6)).toMatchObject({ exit: 0, info: '-' });
  delete vm.vm.fsFreeze;
  await vm.verifyNow();
}, 120_000);

it('leaves the resize of a running guest to the hypervisor', async () => {
  onFailure();
  expect(await vm.act('RESIZE', 1, 128)).toMatchObject({ exit: 0, info: '-' });
  expect(await tool('qemu-img', ['info', '-U', '-f', 'raw', vm.file(1)])).toContain('64 MiB');
});

it('fails in one line when libvirt is gone, and goes on when it is back', async () => {
  onFailure();
  await site.libvirt.killDaemon();
  const result = await vm.act('SNAP_CREATE_LIVE', 0, 20);
  expect(result).toMatchObject({ exit: 1 });
  expect(result.info).toMatch(/libvirt, domain one-9: .*(?:connect|socket)/i);
  await site.libvirt.startDaemon();
  expect(await vm.act('SNAP_CREATE_LIVE', 0, 21)).toMatchObject({ exit: 0, info: '-' });
  await vm.verifyNow();
}, 120_000);

it('lets a held guest go when libvirt comes back after the agent', async () => {
  onFailure();
  vm.vm.fsFreeze = 'SUSPEND';
  const host = site.cluster.agent('host01');
  await host.arm('guest.quiet=kill');
  const running = vm.act('SNAP_CREATE_LIVE', 0, 30);
  expect(await host.exited).toBe('SIGKILL');
  expect(await vm.domainState()).toBe('paused');
  await site.libvirt.killDaemon();
  await host.start();
  expect((await running).exit).toBe(1);
  await site.libvirt.startDaemon();
  await expect.poll(() => vm.domainState(), { timeout: 60_000 }).toBe('running');
  await expect.poll(() => vm.leftovers(), { timeout: 30_000 }).toEqual([]);
  delete vm.vm.fsFreeze;
  expect(await vm.act('SNAP_CREATE_LIVE', 0, 31)).toMatchObject({ exit: 0, info: '-' });
  await vm.verifyNow();
}, 120_000);

it('has lost nothing when the plug is pulled', async () => {
  onFailure();
  await vm.endAndVerify();
});
