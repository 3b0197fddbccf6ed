import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  blockJob,
  copyTarget,
  domainState,
  endJob,
  freeze,
  resume,
  startCommit,
  startCopy,
  suspend,
  switchToOverlay,
  thaw,
} from '../../agent/tools/virsh.ts';
import { type Guest, startGuest } from './lab/guest.ts';
import { guestFiles } from './lab/guest-files.ts';
import { type Libvirt, startLibvirt } from './lab/libvirt.ts';
import { tool } from './lab/tools.ts';

/** What a real libvirt answers, and what is made of it. */

const context = { signal: new AbortController().signal };
let libvirt: Libvirt;
let directory: string;
let guest: Guest;
const domain = () => ({ uri: libvirt.uri, name: 'one-3' });

beforeAll(async () => {
  const files = await guestFiles();
  libvirt = await startLibvirt();
  directory = await mkdtemp(path.join(os.tmpdir(), 'onestorage-virsh-'));
  const disk = path.join(directory, 'disk.0');
  await tool('qemu-img', ['create', '-q', '-f', 'qcow2', disk, '64M']);
  const system = path.join(directory, 'disk.1');
  await tool('truncate', ['-s', '64M', system]);
  await tool('mke2fs', ['-q', '-F', '-t', 'ext4', system]);
  const disks = [
    { target: 'vda', file: disk, format: 'qcow2', use: 'records' },
    { target: 'vdb', file: system, format: 'raw', use: 'fs' },
  ] as const;
  guest = await startGuest(libvirt, files, { name: 'one-3', disks });
}, 240_000);

afterAll(async () => {
  await guest?.destroy();
  await libvirt?.stop();
  await rm(directory, { recursive: true, force: true });
}, 60_000);

it('reads state and layers', async () => {
  expect(await domainState(domain(), context)).toEqual({
    state: 'running',
    disks: new Map([
      ['vda', [{ path: path.join(directory, 'disk.0'), index: 2 }]],
      ['vdb', [{ path: path.join(directory, 'disk.1'), index: 1 }]],
    ]),
  });
  await suspend(domain(), context);
  expect((await domainState(domain(), context)).state).toBe('paused');
  await expect(freeze(domain(), 10_000, context)).rejects.toMatchObject({ reason: 'conflict' });
  await resume(domain(), context);
});

it('freezes and thaws', async () => {
  await freeze(domain(), 30_000, context);
  await expect(freeze(domain(), 30_000, context)).rejects.toMatchObject({ reason: 'guest_agent' });
  await thaw(domain(), context);
  await thaw(domain(), context);
});

it('tells a domain, a file and an address that are not there', async () => {
  const nobody = { uri: libvirt.uri, name: 'one-4' };
  await expect(domainState(nobody, context)).rejects.toMatchObject({ reason: 'not_found' });
  await expect(blockJob(nobody, 'vda', context)).rejects.toMatchObject({ reason: 'not_found' });
  await expect(switchToOverlay(domain(), 'vda', path.join(directory, 'nothing'), [], context)).rejects.toMatchObject({
    reason: 'tool_failed',
  });
  const away = { uri: `qemu+unix:///system?socket=${directory}/no-socket`, name: 'one-3' };
  await expect(domainState(away, context)).rejects.toMatchObject({ reason: 'unavailable' });
  await expect(domainState({ uri: libvirt.uri, name: '--all' }, context)).rejects.toMatchObject({ reason: 'bad_argument' });
});

it('tells a job that is under way from none, and a second one is busy', async () => {
  expect(await blockJob(domain(), 'vda', context)).toBeUndefined();
  const copy = path.join(directory, 'copy');
  await startCopy(domain(), 'vda', copy, 'qcow2', context);
  expect(await copyTarget(domain(), 'vda', context)).toBe(copy);
  await expect(startCopy(domain(), 'vda', `${copy}2`, 'qcow2', context)).rejects.toMatchObject({ reason: 'busy' });
  await expect.poll(() => blockJob(domain(), 'vda', context), { timeout: 30_000 }).toMatchObject({ type: 'Block Copy' });
  await endJob(domain(), 'vda', context);
  await expect.poll(() => blockJob(domain(), 'vda', context), { timeout: 30_000 }).toBeUndefined();
  expect(await copyTarget(domain(), 'vda', context)).toBeUndefined();
  await expect(startCommit(domain(), 'vda', 7, 8, context)).rejects.toMatchObject({ reason: 'tool_failed' });
});

it('gives up on a libvirt that hangs', async () => {
  await expect(freeze(domain(), 1, context)).rejects.toMatchObject({ reason: 'timeout' });
  await thaw(domain(), context);
});
