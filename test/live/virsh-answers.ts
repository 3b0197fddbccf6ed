import path from 'node:path';
import { expect, it } from 'vitest';
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
import type { Libvirt } from './lab/libvirt.ts';
import type { RunningVm } from './lab/live-site.ts';

/** What a real libvirt answers, and what is made of it. Tests of a suite that has a guest, with a guest agent and without snapshots yet. */
export function answersOfLibvirt(libvirt: () => Libvirt, vm: () => RunningVm): void {
  const context = { signal: new AbortController().signal };
  const domain = () => ({ uri: libvirt().uri, name: vm().guest.name });

  it('reads state and layers', async () => {
    const { state, disks } = await domainState(domain(), context);
    expect(state).toBe('running');
    const found = [...disks].map(([target, layers]) => [target, layers.map((layer) => [path.normalize(layer.path), layer.index])]);
    expect(found).toEqual(['vda', 'vdb', 'vdc'].map((target, disk) => [target, [[vm().file(disk), 3 - disk]]]));
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
    const nobody = { uri: libvirt().uri, name: 'one-4' };
    await expect(domainState(nobody, context)).rejects.toMatchObject({ reason: 'not_found' });
    await expect(blockJob(nobody, 'vda', context)).rejects.toMatchObject({ reason: 'not_found' });
    await expect(switchToOverlay(domain(), 'vda', path.join(vm().directory, 'nothing'), [], context)).rejects.toMatchObject({
      reason: 'tool_failed',
    });
    const away = { uri: `qemu+unix:///system?socket=/nowhere/no-socket`, name: 'one-9' };
    await expect(domainState(away, context)).rejects.toMatchObject({ reason: 'unavailable' });
    await expect(domainState({ uri: libvirt().uri, name: '--all' }, context)).rejects.toMatchObject({ reason: 'bad_argument' });
  });

  it('tells a job that is under way from none, and a second one is busy', async () => {
    expect(await blockJob(domain(), 'vda', context)).toBeUndefined();
    const copy = path.join(libvirt().directory, 'copy');
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
}
