import { existsSync } from 'node:fs';
import { open, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFailed, vi } from 'vitest';
import { type BackedUpVm, startBackedUpVm } from './lab/backed-up-vm.ts';
import { Backups, must } from './lab/backups.ts';
import type { LiveSite, RunningVm } from './lab/live-site.ts';
import { attachSlowDisk } from './lab/slow-disk.ts';
import { tool } from './lab/tools.ts';

/** A guest that overwrites what is still to be copied, when there is no room to copy it to. */

/** Against hanging only. */
vi.setConfig({ testTimeout: 300_000 });

const MIB = 1 << 20;
const SIZE_MIB = 300;
/** The end of the disk is copied last. */
const WRITTEN = { fromMib: 200, mib: 100 } as const;
/** Of /dev/vdd, in pieces of 64 KiB. */
const WRITE = `yes kept | dd of=/dev/vdd bs=64k seek=${WRITTEN.fromMib * 16} count=${WRITTEN.mib * 16} iflag=fullblock oflag=direct`;

const noFuse = !existsSync('/dev/fuse') && process.env['CI'] !== 'true';

let started: BackedUpVm;
let site: LiveSite;
let vm: RunningVm;
let backups: Backups;
let base: string;
let restoreSpeed: (() => Promise<void>) | undefined;

beforeAll(async () => {
  // The limit holds the copy back: what it has not copied when the disk is full is copied when the guest overwrites it.
  started = await startBackedUpVm([0, 3], { sizeMib: 640, template: { RESTIC_BWLIMIT: '256' } });
  ({ site, vm, backups, base } = started);
}, 240_000);

afterAll(async () => {
  await started?.stop();
  await restoreSpeed?.();
}, 60_000);

it.skipIf(noFuse)('is stopped, and goes on when the backup has failed: its write is done after all', async () => {
  onTestFailed(() => void process.stderr.write(`${site.cluster.logs(12)}\n${vm.guest.lines.slice(-5).join('\n')}\n`));
  restoreSpeed = await attachSlowDisk(site, vm, SIZE_MIB);
  const hold = path.join(site.cluster.site.directory, 'hold');
  await writeFile(hold, '');
  const agent = site.cluster.agent('host01');
  await agent.arm(`backup.begun=hold:${hold}`);
  const running = backups.hook('prebackup', 'INCREMENT');
  await expect.poll(() => existsSync(`${hold}.reached`), { timeout: 60_000, interval: 20 }).toBe(true);
  await agent.arm('');
  await rm(hold);
  const run = { path: '/bin/busybox', arg: ['sh', '-c', `${WRITE} && echo lab: vdd wrote 1 >/dev/ttyS0`] };
  await site.libvirt.virsh('qemu-agent-command', vm.guest.name, JSON.stringify({ execute: 'guest-exec', arguments: run }));
  const filler = path.join(base, 'filler');
  await expect(tool('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1M'])).rejects.toThrow('No space left');
  const state = () => site.libvirt.virsh('domstate', '--reason', vm.guest.name);
  await expect.poll(state, { timeout: 30_000, interval: 50 }).toMatch(/^paused \(I\/O error\)/);
  const result = await running;
  expect(result).toMatchObject({ exit: 1, info: expect.stringContaining('ended before it was done') });
  expect(result.log.map(({ text }) => text).join('\n')).toContain(
    "was stopped by an error of the backup's disk, or of its own: it goes on",
  );
  await vm.guest.writes('vdd', 0);
  expect(await vm.domainState()).toBe('running');
  const expected = Buffer.alloc(WRITTEN.mib * MIB, 'kept\n');
  const handle = await open(vm.file(3));
  const { buffer } = await handle.read(Buffer.alloc(expected.length), 0, expected.length, WRITTEN.fromMib * MIB);
  await handle.close();
  expect(buffer.equals(expected)).toBe(true);
  await rm(filler);
  must(await backups.hook('postbackup', 'INCREMENT'));
  expect(backups.leftovers()).toEqual([]);
});

it.skipIf(noFuse)('is backed up when there is room again, and has lost nothing', async () => {
  const others = new Backups(site, vm, [0, 1], 'CBT', base);
  await others.verify(await others.increment());
  await vm.endAndVerify();
});
