import { afterEach, expect, it } from 'vitest';
import { grpcAgents } from '../../../controller/hosts/grpc-agents.ts';
import packageJson from '../../../package.json' with { type: 'json' };
import { OWN_WIRE, wireOf } from '../../../runtime/wire.ts';
import { testIdentity } from '../../helpers/pki.ts';
import { type Bench, openBench } from '../call.ts';
import { recordedVm } from '../fake-agents.ts';
import { olderWire, startOldAgent } from './old-agent.ts';

const DS = '/var/lib/one//datastores';
const MOVE = `host01:${DS}/107/9 host02:${DS}/107/9 9 107`;
const CLONE = `frontend:${DS}/106/1a39 host01:${DS}/107/9/disk.0 9 106`;
const SNAP = `host01:${DS}/107/9/disk.0 1 9 107`;
const OK = { stdout: '', failure: undefined };
const signal = new AbortController().signal;

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A controller of today over real connections; the front-end and host02 have agents of the release, host01 one without these words. */
async function site(without: readonly string[]) {
  const old = await startOldAgent('host01', '0.0.9', olderWire(without));
  const [frontend, host02] = [await startOldAgent('frontend', '0.1.0', olderWire()), await startOldAgent('host02', '0.1.0', olderWire())];
  const agents = grpcAgents({ identity: await testIdentity('controller'), statMs: 10_000, monitorMs: 10_000 });
  const hosts = { host01: { address: old.host.address }, host02: { address: host02.host.address } };
  const bench: Bench = await openBench({ front_end: { names: ['frontend'], address: frontend.host.address }, hosts }, agents);
  ends.push(old.stop, frontend.stop, host02.stop, agents.close, () => bench.close());
  const upgrade = async (): Promise<string[]> => {
    old.stop();
    const { calls, stop } = await startOldAgent('host01', packageJson.version, olderWire(), Number(old.host.address.split(':')[1]));
    ends.push(stop);
    return calls;
  };
  return { bench, agents, upgrade, host: old.host, calls: () => [...frontend.calls, ...old.calls, ...host02.calls] };
}

it('an agent of the last release does everything that this program asks of it', async () => {
  const { bench, calls } = await site([]);
  bench.openNebula.vm_ = await recordedVm({ id: 9 });
  expect(await bench.call('tm/mv', MOVE)).toEqual(OK);
  expect(calls()).toEqual(['Transfers/Open', 'Disks/Remove', 'Transfers/Receive']);
});

it('an action whose last step an older agent does not know is refused before its first, until the agent is upgraded', async () => {
  const { bench, calls, upgrade } = await site(['Disks/Remove']);
  bench.openNebula.vm_ = await recordedVm({ id: 9 });
  const text = `mv: host01 runs onestorage 0.0.9, which does not know Disks/Remove: upgrade onestorage-agent on host01 to ${packageJson.version}`;
  expect(await bench.call('tm/mv', MOVE)).toEqual({ stdout: '', failure: { reason: 'too_old', message: text } });
  expect(calls()).toEqual([]);
  // What it does know goes on.
  expect(await bench.call('tm/snap_create', SNAP)).toEqual(OK);
  const upgraded = await upgrade();
  expect(await bench.call('tm/mv', MOVE)).toEqual(OK);
  expect(upgraded).toContain('Disks/Remove');
});

it('a field that an older agent would ignore is refused when it is set, and only then', async () => {
  const { bench, calls } = await site(['ReceiveDisk.preallocate']);
  expect(await bench.call('tm/clone', CLONE)).toEqual(OK);
  const before = calls().length;
  const vm = await recordedVm();
  bench.openNebula.vm_ = { ...vm, disks: vm.disks.map((disk) => ({ ...disk, sparse: false })) };
  expect((await bench.call('tm/clone', CLONE)).failure).toMatchObject({
    reason: 'too_old',
    message: expect.stringContaining('host01 runs onestorage 0.0.9, which does not know ReceiveDisk.preallocate: upgrade'),
  });
  expect(calls()).toHaveLength(before);
});

it('a call that was not rehearsed is refused too, and one to a host that was never asked names what to do', async () => {
  const { agents, host, calls } = await site(['Inspections/Quarantine']);
  const quarantine = async (): Promise<void> => {
    for await (const _ of agents.start(host, 'Inspections/Quarantine', {}, signal));
  };
  await expect(quarantine()).rejects.toMatchObject({ reason: 'too_old', message: expect.stringContaining('has to be upgraded') });
  await agents.machineId(host, signal);
  await expect(quarantine()).rejects.toMatchObject({
    reason: 'too_old',
    message: expect.stringContaining('upgrade onestorage-agent on host01'),
  });
  expect(calls()).toEqual([]);
});

it('this program knows every word of the last release: an older controller is understood', () => {
  const words = [...wireOf(olderWire())].filter((word) => !word.startsWith('Health'));
  expect(words.filter((word) => !OWN_WIRE.has(word))).toEqual([]);
});
