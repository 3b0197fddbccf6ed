import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { link, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { tether } from '../../helpers/tether.ts';
import { imageDisk } from '../../lab/models.ts';
import type { LiveSite, RunningVm } from './live-site.ts';
import { tool } from './tools.ts';

const MIB_PER_SECOND = 20;

/**
 * Gives a guest a raw disk, vdd, that is slow to read for its hypervisor: libvirt begins a copy without a limit, and would have copied everything
 * before it can be held back. The returned function takes the slowness away, once the guest no longer uses the disk. Needs /dev/fuse.
 */
export async function attachSlowDisk(site: LiveSite, vm: RunningVm, sizeMib: number): Promise<() => Promise<void>> {
  const file = vm.file(3);
  const content = path.join(site.cluster.site.directory, 'slow');
  await tool('dd', ['if=/dev/urandom', `of=${file}`, 'bs=1M', `count=${sizeMib}`, 'status=none']);
  await link(file, content);
  const inside = ['nsenter', '--mount', '--target', String(site.libvirt.pid), '--'];
  const command = ['nbdkit', '-s', '--filter=rate', 'file', content, `rate=${MIB_PER_SECOND * 8}M`];
  const [program = '', ...argv] = [...tether, ...inside, 'nbdfuse', file, '--command', ...command];
  const slow = spawn(program, argv, { stdio: 'ignore' });
  const ended = once(slow, 'exit');
  const mounts = () => readFile(`/proc/${site.libvirt.pid}/mounts`, 'utf8');
  await expect.poll(mounts, { timeout: 30_000 }).toContain(` ${file} fuse`);
  await site.libvirt.virsh('attach-disk', vm.guest.name, file, 'vdd', '--subdriver', 'raw', '--cache', 'none', '--live');
  vm.vm.disks.push(imageDisk({ id: 3, source: file, format: 'raw', sizeMb: sizeMib }));
  return async () => {
    slow.kill();
    await ended;
  };
}
