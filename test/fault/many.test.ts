import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { deployTo, LCM_STATES, type Vm } from '../lab/opennebula/model.ts';
import type { HostName } from '../lab/site.ts';
import { sameContent } from '../lab/tools.ts';
import { migrate, prolog, terminate } from '../lab/transfer-scripts.ts';
import { type FaultSite, startFaultSite } from './fault-site.ts';

/** Many actions at once: all of oned's fifteen threads, and hosts with no slot left. */

let site: FaultSite;

beforeAll(async () => {
  site = await startFaultSite({ controllerOptions: { limits: { per_host: { deploy: 2 } } } });
});

afterAll(async () => {
  await site?.stop();
});

afterEach(async () => {
  await site.idle();
});

async function checkAndRemove(vm: Vm, host: HostName): Promise<void> {
  await sameContent(site.file('frontend', '106', 'image'), 'raw', `${site.directory(vm, host)}/disk.0`, 'raw');
  expect((await site.one.tm(terminate(site.one.model, vm))).map(({ exit }) => exit)).toEqual([0, 0]);
}

it('fifteen clones of one image, on two hosts, all at once', { timeout: 180_000 }, async () => {
  const hosts = Array.from({ length: 15 }, (_, index): HostName => (index % 2 === 0 ? 'host01' : 'host02'));
  const vms = hosts.map((host) => site.vm(host));
  const results = await Promise.all(vms.map((vm) => site.one.tm(prolog(site.one.model, vm))));
  expect(results.flat().map(({ exit, info }) => [exit, info])).toEqual(vms.map(() => [0, '-']));
  for (const [index, vm] of vms.entries()) await checkAndRemove(vm, hosts[index] ?? 'host01');
});

it('a host with no slot left does not keep the other waiting', async () => {
  const hold = await site.hold('host01', 'transfer.receive.copy*');
  const busy = [site.vm('host01'), site.vm('host01')];
  const running = busy.map((vm) => site.one.tm(prolog(site.one.model, vm)));
  await hold.reached();
  const waiting = site.vm('host01');
  const waits = site.one.tm(prolog(site.one.model, waiting));
  await expect.poll(async () => (await site.cluster.operations(false)).length, { timeout: 30_000 }).toBe(3);
  const other = site.vm('host02');
  expect((await site.one.tm(prolog(site.one.model, other))).map(({ exit }) => exit)).toEqual([0]);
  // Another class of action on the busy host goes ahead too: what is deleted makes room.
  const [removed] = await site.one.tm([`DELETE agent_local host01:${site.onedPath(107, 999)} 999 107`]);
  expect(removed?.exit).toBe(0);
  await hold.release();
  const results = [...(await Promise.all(running)), await waits].flat();
  expect(results.map(({ exit }) => exit)).toEqual([0, 0, 0]);
  expect(results[2]?.log.map(({ text }) => text).join('\n')).toMatch(
    /waits for one of the deploy slots, held by clone of disk 0 of VM \d+/,
  );
  for (const vm of [...busy, waiting]) await checkAndRemove(vm, 'host01');
  await checkAndRemove(other, 'host02');
});

it('an image is cloned for one VM while another VM moves and a third goes', async () => {
  const [moves, goes] = [await site.deployedVm('host01'), await site.deployedVm('host02')];
  const comes = site.vm('host02');
  deployTo(moves, 'host02', 107, 'agent_local');
  Object.assign(moves, { lcmState: LCM_STATES.prologMigrate });
  const { model } = site.one;
  const results = await Promise.all(
    [migrate(model, moves), terminate(model, goes), prolog(model, comes)].map((lines) => site.one.tm(lines)),
  );
  expect(results.flat().map(({ exit }) => exit)).toEqual([0, 0, 0, 0, 0]);
  await checkAndRemove(moves, 'host02');
  await checkAndRemove(comes, 'host02');
});
