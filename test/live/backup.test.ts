import { existsSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, onTestFailed, vi } from 'vitest';
import { backedUpDisks } from '../lab/models.ts';
import type { ActionResult } from '../lab/opennebula/mad.ts';
import { BACKUPS, type BackedUpVm, startBackedUpVm } from './lab/backed-up-vm.ts';
import { Backups, must } from './lab/backups.ts';
import { killedAt } from './lab/killed.ts';
import { FREEZE_LIMIT_SECONDS, type LiveSite, type RunningVm } from './lab/live-site.ts';
import { Outcomes } from './lab/outcomes.ts';
import type { Records } from './lab/records.ts';
import { attachSlowDisk } from './lab/slow-disk.ts';
import { tool } from './lab/tools.ts';

/** Backups of a guest that runs and writes, by bitmaps (CBT): each increment, restored, is of one moment, whatever failed before it. */

/** Against hanging only. */
vi.setConfig({ testTimeout: 300_000 });

let started: BackedUpVm;
let site: LiveSite;
let vm: RunningVm;
let backups: Backups;
let base: string;
const outcomes = new Outcomes();
const noFuse = !existsSync('/dev/fuse') && process.env['CI'] !== 'true';
let restoreSpeed: (() => Promise<void>) | undefined;

beforeAll(async () => {
  started = await startBackedUpVm([0, 1], { sizeMib: 512, template: {} });
  ({ site, vm, backups, base } = started);
}, 240_000);

afterAll(async () => {
  outcomes.print();
  await started?.stop();
  await restoreSpeed?.();
}, 60_000);

function onFailure(): void {
  onTestFailed(() => void process.stderr.write(`${site.cluster.logs(12)}\n${vm.guest.lines.slice(-5).join('\n')}\n`));
}

/** After a fault: the guest writes on, nothing is left, and the next increment restores whole. */
async function proveAll(operation: string, fault: string, heldMs?: number): Promise<void> {
  await expect.poll(() => backups.leftovers(), { timeout: 30_000, interval: 100 }).toEqual([]);
  await proved(operation, fault, await backups.verify(await backups.increment()), 'valid', heldMs);
}

async function proved(operation: string, fault: string, records: readonly Records[], chain: string, heldMs?: number): Promise<void> {
  expect(backups.leftovers()).toEqual([]);
  const guest = vm.vm.state === 3 ? await vm.domainState() : 'off';
  expect(guest).toBe(vm.vm.state === 3 ? 'running' : 'off');
  const missing = records.reduce((sum, one) => sum + one.missing.length, 0);
  outcomes.add(operation, fault, { guest, missing, chain, leftovers: backups.leftovers().length }, heldMs);
}

it('makes a full backup that stands alone', async () => {
  onFailure();
  vm.vm.fsFreeze = 'AGENT';
  // With BACKUP_VOLATILE oned names the volatile disk, too.
  vm.vm.backup = { mode: 'FULL', volatile: true };
  const alone = new Backups(site, vm, backedUpDisks(vm.vm), 'CBT', base);
  const written = await alone.written();
  vm.guest.silence('fs');
  must(await alone.hook('prebackup', 'FULL'));
  const held = vm.guest.silence('fs');
  expect((await readdir(alone.staged)).sort()).toEqual(['disk.0.0', 'disk.1.0', 'disk.2.0', 'vm.xml']);
  const document = await readFile(path.join(alone.staged, 'vm.xml'), 'utf8');
  expect(document).toMatch(/^([A-Za-z0-9+/=]{1,60}\n)+$/);
  expect(Buffer.from(document, 'base64').toString()).toMatch(/^<VM><ID>9<\/ID>/);
  await alone.store();
  must(await alone.hook('postbackup', 'FULL'));
  const records = await alone.verify(written);
  expect(await checkpoints()).toEqual([]);
  expect(await vm.isFrozen()).toBe(false);
  await proved('full, FS_FREEZE AGENT', 'none', records, 'valid', held);
  // Without it, the volatile one stays out.
  vm.vm.backup = { mode: 'FULL' };
  expect(backedUpDisks(vm.vm)).toEqual([...backups.disks]);
  delete vm.vm.fsFreeze;
});

it('makes a chain: everything, then what changed', async () => {
  onFailure();
  for (let number = 0; number < 3; number += 1) await backups.verify(await backups.increment());
  // The parent stays until OpenNebula says that the increment is stored.
  expect((await checkpoints()).sort()).toEqual(['one-9-1', 'one-9-2']);
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
  const chain = result.log.some(({ text }) => text.includes('the chain of increments is lost')) ? 'begun anew' : 'valid';
  await proved('increment', fault, records, chain);
  return result;
}

/** Those that libvirt knows. */
async function checkpoints(): Promise<string[]> {
  const names = await site.libvirt.virsh('checkpoint-list', vm.guest.name, '--name');
  return names.split('\n').filter((name) => name !== '');
}

async function loseChain(): Promise<void> {
  for (const name of await checkpoints()) await site.libvirt.virsh('checkpoint-delete', vm.guest.name, name);
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

it('makes an increment although the agent is killed at each step', async () => {
  onFailure();
  const written = await backups.written();
  const steps = ['settle', 'plan', 'prepare', 'make files', 'begin', 'copy', 'describe', 'publish'];
  // The end of a step and the begin of the next find the same on disk; where it matters that the journal knows of it, both.
  const points = steps.flatMap((step) => [...(step === 'begin' || step === 'publish' ? [`${step}.begin`] : []), `${step}.end`]);
  const host = site.cluster.agent('host01');
  await killedAt(
    host,
    points.map((point) => `backup.stage.${point}`),
    () => backups.hook('prebackup', 'INCREMENT'),
  );
  await backups.store();
  await killedAt(host, ['backup.discard.remove.end', 'backup.discard.settle.end'], () => backups.hook('postbackup', 'INCREMENT'));
  await proved('increment', 'agent killed at each step', await backups.verify(written), 'valid');
}, 300_000);

/** Does something while the copy is under way: the agent waits between its begin and its end. */
async function during(act: () => Promise<void>) {
  const hold = path.join(site.cluster.site.directory, 'hold');
  await writeFile(hold, '');
  await site.cluster.agent('host01').arm(`backup.begun=hold:${hold}`);
  const running = backups.hook('prebackup', 'INCREMENT');
  await expect.poll(() => existsSync(`${hold}.reached`), { timeout: 60_000, interval: 20 }).toBe(true);
  await act();
  await site.cluster.agent('host01').arm('');
  await rm(hold, { force: true });
  await rm(`${hold}.reached`);
  return await running;
}

it('lets go at the limit, and fails', async () => {
  onFailure();
  vm.vm.fsFreeze = 'AGENT';
  await site.cluster.agent('host01').arm('guest.quiet=pause');
  vm.guest.silence('fs');
  const result = await backups.hook('prebackup', 'INCREMENT');
  await site.cluster.agent('host01').arm('');
  delete vm.vm.fsFreeze;
  expect(result.exit).toBe(1);
  expect(result.info).toContain('the limit');
  expect(await vm.isFrozen()).toBe(false);
  const held = vm.guest.silence('fs');
  must(await backups.hook('postbackup', 'INCREMENT'));
  await proveAll('increment, FS_FREEZE AGENT', 'held until the limit', held);
});

it('fails at the limit when the guest agent hangs over the freeze, and thaws the guest when that comes after all', async () => {
  onFailure();
  // Longer than the limit, and than anybody waits for the thaw after it.
  await inGuest(`echo ${FREEZE_LIMIT_SECONDS + 6} >/hang`);
  vm.vm.fsFreeze = 'AGENT';
  const result = await backups.hook('prebackup', 'INCREMENT');
  delete vm.vm.fsFreeze;
  expect(result.exit).toBe(1);
  expect(result.info).toMatch(/^prebackup_live: the guest agent of domain one-9 did not freeze its file systems within \d+ s, the limit/);
  expect(result.log.map(({ text }) => text).join('\n')).toContain('could not be let go yet, goes on trying');
  must(await backups.hook('postbackup', 'INCREMENT'));
  // What was written is heard of with every fifth line, so some of this is no freeze.
  await vm.guest.writes('fs');
  vm.guest.silence('fs');
  await expect.poll(() => backups.leftovers(), { timeout: 60_000, interval: 100 }).toEqual([]);
  expect(await vm.isFrozen()).toBe(false);
  await vm.guest.writes('fs');
  await proveAll('increment, FS_FREEZE AGENT', 'guest agent hangs over the freeze', vm.guest.silence('fs'));
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
    expect(result.info).toMatch(/^prebackup_live: libvirt .* the backup of domain one-9: it was started again meanwhile/);
    must(await backups.hook('postbackup', 'INCREMENT'));
  }
  await proveAll('increment', 'libvirtd started again');
});

it('goes on after a copy that libvirt has lost sight of', async () => {
  onFailure();
  const qemu = async (execute: string, args: object) =>
    JSON.parse(await site.libvirt.virsh('qemu-monitor-command', vm.guest.name, JSON.stringify({ execute, arguments: args }))) as {
      return: readonly { readonly device?: string; readonly 'node-name': string; readonly file: string }[];
    };
  const open = async () => (await qemu('query-named-block-nodes', { flat: true })).return;
  // What libvirt 9.0 was seen to leave when a copy ended while it was down.
  const staged = path.join(base, '9', '.onestorage.lost.stage.backup');
  const file = path.join(staged, 'disk.0.1');
  await tool('mkdir', ['-p', staged]);
  await tool('qemu-img', ['create', '-q', '-f', 'qcow2', file, '64M']);
  await qemu('blockdev-add', { driver: 'file', 'node-name': 'lost-storage', filename: file });
  await qemu('blockdev-add', { driver: 'qcow2', 'node-name': 'lost-format', file: 'lost-storage' });
  await rm(staged, { recursive: true });
  const active = (await open()).find(
    (node) => /\/107\/9\/disk\.0(?:\.snap\/\d+)?$/.test(node.file) && node['node-name'].endsWith('-format'),
  );
  await qemu('block-dirty-bitmap-add', { node: active?.['node-name'], name: 'backup-vda', persistent: false });
  const result = await increment('copy that libvirt lost sight of');
  expect(result.log.map(({ text }) => text).join('\n')).toContain('libvirt has lost sight of');
  expect((await open()).filter((node) => node['node-name'].startsWith('lost-'))).toEqual([]);
  await proveAll('increment', 'after that copy');
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

/** An increment that is being copied, as slowly as the datastore says. */
async function slowBackup(signal: AbortSignal): Promise<{ readonly result: Promise<ActionResult> }> {
  const hold = path.join(site.cluster.site.directory, 'hold');
  await writeFile(hold, '');
  // Past the limit; nobody asks libvirt meanwhile.
  await site.cluster.agent('host01').arm(`backup.begun=hold:${hold}`);
  const result = backups.hook('prebackup', 'INCREMENT', [0, 3], signal);
  await expect.poll(() => existsSync(`${hold}.reached`), { timeout: 60_000, interval: 20 }).toBe(true);
  await site.cluster.agent('host01').arm('');
  await rm(hold, { force: true });
  await rm(`${hold}.reached`);
  expect(await site.libvirt.virsh('blockjob', vm.guest.name, 'vdd', '--info')).toMatch(/Bandwidth limit: 65536 bytes/);
  return { result };
}

it.skipIf(noFuse).each(['SIGTERM to the script', 'backup_cancel'])(
  'ends the copy on the host, held back by the limit of the datastore, by %s',
  async (how) => {
    onFailure();
    restoreSpeed ??= await attachSlowDisk(site, vm, 100);
    const { one } = site.cluster;
    const limited = { ...BACKUPS, template: { RESTIC_BWLIMIT: '64' } };
    one.model.datastores.set(BACKUPS.id, limited);
    const abort = new AbortController();
    const running = await slowBackup(abort.signal);
    if (how === 'backup_cancel') expect(await one.cancelBackup(vm.vm, BACKUPS.id)).toMatchObject({ exit: 0 });
    else abort.abort();
    const result = await running.result;
    one.model.datastores.set(BACKUPS.id, BACKUPS);
    expect(result.exit).not.toBe(0);
    expect(result.info).toContain('cancelled');
    const underWay = () => site.libvirt.virsh('domjobinfo', vm.guest.name);
    if (how === 'backup_cancel') expect(await underWay()).toMatch(/^Job type:\s+None/);
    await expect.poll(underWay, { timeout: 30_000 }).toMatch(/^Job type:\s+None/);
    await expect.poll(checkpoints, { timeout: 30_000 }).not.toContain(`one-9-${backups.last + 1}`);
    // oned calls it after a cancelled backup, too.
    must(await backups.hook('postbackup', 'INCREMENT'));
    await proveAll('increment', how);
  },
);

it('backs up the VM that is off, and goes on with the same chain', async () => {
  onFailure();
  await vm.powerOff();
  vm.vm.disks.splice(3);
  const off = await increment('off');
  expect(off.log.map(({ text }) => text).join('\n')).not.toContain('lost');
  for (const volatile of [true, false]) {
    vm.vm.backup = { mode: 'FULL', volatile };
    const disks = backedUpDisks(vm.vm);
    must(await backups.hook('prebackup', 'FULL', disks));
    const staged = disks.map((id) => `disk.${id}.0`);
    expect((await readdir(backups.staged)).sort()).toEqual([...staged, 'vm.xml']);
    expect(disks.includes(2)).toBe(volatile);
    const formats = ['-f', 'raw', '-F', 'qcow2'];
    for (const id of disks.slice(1))
      await tool('qemu-img', ['compare', '-q', ...formats, vm.file(id), path.join(backups.staged, `disk.${id}.0`)]);
    must(await backups.hook('postbackup', 'FULL', disks));
  }
  await vm.boot();
  const on = await increment('on again');
  expect(on.log.map(({ text }) => text).join('\n')).not.toContain('lost');
});

it('has lost nothing when the plug is pulled', async () => {
  onFailure();
  await vm.endAndVerify();
});
