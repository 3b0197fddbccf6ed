import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, onTestFailed, vi } from 'vitest';
import { Backups, must } from './lab/backups.ts';
import { type LiveSite, type RunningVm, startLiveSite, startVm } from './lab/live-site.ts';
import { tool } from './lab/tools.ts';

/** Backups of a guest that runs and writes, by bitmaps (CBT): each increment, restored, is of one moment, whatever failed before it. */

/** Against hanging only. */
vi.setConfig({ testTimeout: 300_000 });

let site: LiveSite;
let vm: RunningVm;
let backups: Backups;
/** Where backups are staged: a file system of its own, which can be full. */
let base: string;
/** fault → what became of it, printed at the end. */
const table: string[][] = [];

beforeAll(async () => {
  base = await mkdtemp(path.join(os.tmpdir(), 'onestorage-backups-'));
  await tool('mount', ['-t', 'tmpfs', '-o', 'size=512M', 'tmpfs', base]);
  site = await startLiveSite({ agentOptions: { backup_base_path: base } });
  vm = await startVm(site, 9);
  backups = new Backups(site, vm, [0, 1], 'CBT', base);
}, 240_000);

afterAll(async () => {
  const widths = [0, 1, 2, 3, 4, 5].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const lines = table.map((row) => row.map((text, column) => text.padEnd(widths[column] ?? 0)).join('  '));
  process.stdout.write(`\n${lines.join('\n')}\n`);
  await site?.stop();
  await tool('umount', [base]);
  await rm(base, { recursive: true });
}, 60_000);

table.push(['operation', 'fault', 'guest', 'missing records', 'chain', 'leftovers']);

function onFailure(): void {
  onTestFailed(() => void process.stderr.write(`${site.cluster.logs(12)}\n${vm.guest.lines.slice(-5).join('\n')}\n`));
}

/** After a fault: the guest writes on, nothing is left, and the next increment restores whole. */
async function proveAll(operation: string, fault: string): Promise<void> {
  await expect.poll(() => backups.leftovers(), { timeout: 30_000, interval: 100 }).toEqual([]);
  expect(await vm.domainState()).toBe('running');
  const written = await backups.increment();
  const records = await backups.verify(written);
  expect(backups.leftovers()).toEqual([]);
  const missing = records.reduce((sum, one) => sum + one.missing.length, 0);
  table.push([operation, fault, 'alive', String(missing), 'valid', '0']);
}

it('makes a full backup that stands alone', async () => {
  onFailure();
  vm.vm.fsFreeze = 'AGENT';
  const alone = new Backups(site, vm, [0, 2, 1], 'CBT', base);
  const written = await alone.written();
  must(await alone.hook('prebackup', 'FULL'));
  expect((await readdir(alone.staged)).sort()).toEqual(['disk.0.0', 'disk.1.0', 'disk.2.0', 'vm.xml']);
  const document = await readFile(path.join(alone.staged, 'vm.xml'), 'utf8');
  expect(document).toMatch(/^([A-Za-z0-9+/=]{1,60}\n)+$/);
  expect(Buffer.from(document, 'base64').toString()).toMatch(/^<VM><ID>9<\/ID>/);
  await alone.store();
  must(await alone.hook('postbackup', 'FULL'));
  await alone.verify(written);
  expect(alone.leftovers()).toEqual([]);
  expect(await site.libvirt.virsh('checkpoint-list', vm.guest.name, '--name')).toBe('');
  expect(await vm.isFrozen()).toBe(false);
  delete vm.vm.fsFreeze;
});

it('makes a chain: everything, then what changed', async () => {
  onFailure();
  for (let number = 0; number < 3; number += 1) await backups.verify(await backups.increment());
  // The parent stays until OpenNebula says that the increment is stored.
  const names = (await site.libvirt.virsh('checkpoint-list', vm.guest.name, '--name')).trim().split('\n');
  expect(names.sort()).toEqual(['one-9-1', 'one-9-2']);
  await proveAll('increment', 'none');
});

it('sees what becomes zero', async () => {
  onFailure();
  await inGuest('dd if=/dev/urandom of=/dev/vda bs=1M seek=20 count=2 oflag=direct');
  await backups.increment();
  await inGuest('dd if=/dev/zero of=/dev/vda bs=1M seek=20 count=1 oflag=direct');
  await backups.increment();
  expect(await isZero(0, 20)).toBe(true);
  expect(await isZero(0, 21)).toBe(false);
  // Also in a file that holds everything under the number of an increment.
  await inGuest('dd if=/dev/zero of=/dev/vda bs=1M seek=21 count=1 oflag=direct');
  await loseChain();
  const full = await increment('the bitmaps are gone');
  expect(full.log.map(({ text }) => text).join('\n')).toContain('the chain of increments is lost');
  expect(await isZero(0, 21)).toBe(true);
});

/** One more increment whose prebackup is looked at. */
async function increment(fault: string) {
  const written = await backups.written();
  const result = must(await backups.hook('prebackup', 'INCREMENT'));
  await backups.store();
  must(await backups.hook('postbackup', 'INCREMENT'));
  const records = await backups.verify(written);
  const missing = records.reduce((sum, one) => sum + one.missing.length, 0);
  const chain = result.log.some(({ text }) => text.includes('the chain of increments is lost')) ? 'begun anew' : 'valid';
  table.push(['increment', fault, 'alive', String(missing), chain, '0']);
  return result;
}

async function loseChain(): Promise<void> {
  for (const name of (await site.libvirt.virsh('checkpoint-list', vm.guest.name, '--name')).trim().split('\n')) {
    await site.libvirt.virsh('checkpoint-delete', vm.guest.name, name);
  }
}

/** Runs a command in the guest, by its guest agent, to its end. */
async function inGuest(command: string): Promise<void> {
  const order = { execute: 'guest-exec', arguments: { path: '/bin/busybox', arg: ['sh', '-c', command] } };
  const ask = async (question: object) =>
    JSON.parse(await site.libvirt.virsh('qemu-agent-command', vm.guest.name, JSON.stringify(question))) as {
      return: Record<string, unknown>;
    };
  const { pid } = (await ask(order)).return;
  const ended = async () => (await ask({ execute: 'guest-exec-status', arguments: { pid } })).return;
  await expect.poll(async () => (await ended())['exited'], { timeout: 30_000 }).toBe(true);
}

async function isZero(disk: number, mebibyte: number): Promise<boolean> {
  const restored = await backups.restore(disk);
  const piece = `${restored}.piece`;
  await tool('qemu-img', [
    'dd',
    '-f',
    'qcow2',
    '-O',
    'raw',
    'bs=1M',
    `skip=${mebibyte}`,
    `count=${mebibyte + 1}`,
    `if=${restored}`,
    `of=${piece}`,
  ]);
  return (await readFile(piece)).subarray(0, 1 << 20).every((byte) => byte === 0);
}

it('repeats an increment whose upload failed', async () => {
  onFailure();
  await backups.written();
  must(await backups.hook('prebackup', 'INCREMENT'));
  must(await backups.hook('postbackup', 'INCREMENT'));
  await proveAll('increment', 'upload failed');
});

it('goes on after the guest was started again, and after qemu was killed', async () => {
  onFailure();
  await vm.powerOff();
  await vm.boot();
  const again = await increment('guest started again');
  expect(again.log.map(({ text }) => text).join('\n')).not.toContain('lost');
  const pid = (await tool('pgrep', ['-f', `qemu-system.*${site.libvirt.directory}/`])).trim();
  process.kill(Number(pid), 'SIGKILL');
  await vm.powerOff();
  await vm.boot();
  const full = await increment('qemu killed');
  expect(full.log.map(({ text }) => text).join('\n')).toContain('the chain of increments is lost');
  await proveAll('increment', 'none, after qemu was killed');
});

it.each(['settle', 'plan', 'prepare', 'make files', 'begin', 'copy', 'describe', 'publish'])(
  'makes an increment although the agent is killed at %s',
  async (step) => {
    onFailure();
    const host = site.cluster.agent('host01');
    // The end of a step and the begin of the next find the same on disk; here it must be that the journal knows of it.
    for (const moment of step === 'begin' || step === 'publish' ? ['begin', 'end'] : ['begin']) {
      const written = await backups.written();
      await host.arm(`backup.stage.${step}.${moment}=kill`);
      const running = backups.hook('prebackup', 'INCREMENT');
      expect(await host.exited).toBe('SIGKILL');
      await host.start();
      must(await running);
      await backups.store();
      must(await backups.hook('postbackup', 'INCREMENT'));
      await backups.verify(written);
      expect(backups.leftovers()).toEqual([]);
    }
    table.push(['increment', `agent killed at ${step}`, await vm.domainState(), '0', 'valid', '0']);
  },
);

it.each(['settle', 'remove'])('removes what was staged although the agent is killed at %s', async (step) => {
  onFailure();
  const host = site.cluster.agent('host01');
  must(await backups.hook('prebackup', 'INCREMENT'));
  await host.arm(`backup.discard.${step}.begin=kill`);
  const running = backups.hook('postbackup', 'INCREMENT');
  expect(await host.exited).toBe('SIGKILL');
  await host.start();
  must(await running);
  await proveAll('postbackup', `agent killed at ${step}`);
});

/** Does something while the copy is under way: the agent waits between its begin and its end. */
async function during(act: () => Promise<void>, signal?: AbortSignal) {
  const hold = path.join(site.cluster.site.directory, 'hold');
  await writeFile(hold, '');
  await site.cluster.agent('host01').arm(`backup.begun=hold:${hold}`);
  const running = backups.hook('prebackup', 'INCREMENT', backups.disks, signal);
  await expect.poll(() => existsSync(`${hold}.reached`), { timeout: 60_000, interval: 20 }).toBe(true);
  await act();
  await site.cluster.agent('host01').arm('');
  await rm(hold, { force: true });
  await rm(`${hold}.reached`);
  return await running;
}

it('is cancelled by a signal to the script', async () => {
  onFailure();
  const abort = new AbortController();
  const result = await during(async () => abort.abort(), abort.signal);
  expect(result.exit).not.toBe(0);
  // oned calls it after a cancelled backup, too.
  must(await backups.hook('postbackup', 'INCREMENT'));
  await proveAll('increment', 'script ended by SIGTERM');
});

it('fails when the guest agent does not answer, and lets go at the limit', async () => {
  onFailure();
  vm.vm.fsFreeze = 'AGENT';
  await site.cluster.agent('host01').arm('guest.quiet=pause');
  const result = await backups.hook('prebackup', 'INCREMENT');
  await site.cluster.agent('host01').arm('');
  delete vm.vm.fsFreeze;
  expect(result.exit).toBe(1);
  expect(result.info).toContain('the limit');
  expect(await vm.isFrozen()).toBe(false);
  must(await backups.hook('postbackup', 'INCREMENT'));
  await proveAll('increment', 'held until the limit');
});

it('fails when the disk is full: before it begins, or on the way', async () => {
  onFailure();
  const size = (text: string) => tool('mount', ['-o', `remount,size=${text}`, base]);
  await size('1M');
  const before = await backups.hook('prebackup', 'INCREMENT');
  expect(before).toMatchObject({ exit: 1, info: expect.stringContaining('no space left') });
  await size('512M');
  const hold = path.join(site.cluster.site.directory, 'hold');
  await writeFile(hold, '');
  await site.cluster.agent('host01').arm(`backup.stage.make files.end=hold:${hold}`);
  const running = backups.hook('prebackup', 'INCREMENT');
  await expect.poll(() => existsSync(`${hold}.reached`), { timeout: 60_000, interval: 20 }).toBe(true);
  await size('1M');
  await site.cluster.agent('host01').arm('');
  await rm(hold);
  await rm(`${hold}.reached`);
  const result = await running;
  expect(result).toMatchObject({ exit: 1, info: expect.stringContaining('ended before it was done') });
  await size('512M');
  must(await backups.hook('postbackup', 'INCREMENT'));
  await proveAll('increment', 'disk full');
});

it('goes on, or fails in one line, when libvirtd is started again', async () => {
  onFailure();
  const written = await backups.written();
  const result = await during(async () => {
    await site.libvirt.killDaemon();
    void delay(1500).then(() => site.libvirt.startDaemon());
  });
  // The copy of so little may have ended while no libvirtd was there to see it.
  if (result.exit === 0) {
    await backups.store();
    must(await backups.hook('postbackup', 'INCREMENT'));
    await backups.verify(written);
  } else {
    expect(result.info).toMatch(/^prebackup_live: libvirt does not end the backup of domain one-9/);
    must(await backups.hook('postbackup', 'INCREMENT'));
  }
  await proveAll('increment', 'libvirtd started again');
});

it('writes the overlay that an interrupted backup of the stock driver left into the disk', async () => {
  onFailure();
  const overlay = path.join(vm.directory, 'tmp', 'overlay_0.qcow2');
  await tool('mkdir', ['-p', path.dirname(overlay)]);
  const specs = ['--diskspec', `vda,file=${overlay}`, '--diskspec', 'vdb,snapshot=no', '--diskspec', 'vdc,snapshot=no'];
  await site.libvirt.virsh('snapshot-create-as', vm.guest.name, '--name', 'one-9-backup', '--disk-only', '--atomic', ...specs);
  await vm.guest.writes('vda');
  expect(existsSync(overlay)).toBe(true);
  await proveAll('increment', 'overlay left by a stock backup');
  expect(existsSync(path.dirname(overlay))).toBe(false);
  expect(await site.libvirt.virsh('snapshot-list', vm.guest.name, '--name')).toBe('');
});

it('backs up the VM that is off, and goes on with the same chain', async () => {
  onFailure();
  await vm.powerOff();
  const off = await increment('off');
  expect(off.log.map(({ text }) => text).join('\n')).not.toContain('lost');
  await vm.boot();
  const on = await increment('on again');
  expect(on.log.map(({ text }) => text).join('\n')).not.toContain('lost');
});

it('has lost nothing when the plug is pulled', async () => {
  onFailure();
  await vm.endAndVerify();
});
