import { mkdir, rm } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ActionResult } from '../lab/opennebula/mad.ts';
import { deployTo, LCM_STATES, type Vm } from '../lab/opennebula/model.ts';
import { sameContent } from '../lab/tools.ts';
import { contextLine, epilog, migrate, prolog, saveAs, terminate } from '../lab/transfer-scripts.ts';
import { errorLine } from './error-line.ts';
import { type FaultSite, startFaultSite } from './fault-site.ts';
import { type FaultyServer, startFaultyServer } from './faulty-server.ts';
import { treesOf } from './tree.ts';

/** Long actions that are given up in the middle: by SIGTERM, by a delete that follows, by the same action again, by a restart. */

let site: FaultSite;
let server: FaultyServer;

beforeAll(async () => {
  // 12 MiB of data at this rate take six seconds: long enough to be in the middle, also of a busy machine.
  site = await startFaultSite({ controllerOptions: { bandwidth: { deploy: 2, move: 2 } } });
  server = await startFaultyServer(site.file('frontend', '106', 'image'));
});

afterAll(async () => {
  await server?.stop();
  await site?.stop();
});

afterEach(async () => {
  await site.idle();
});

/** An action that can be stopped, and how to know that it is in the middle. */
interface Long {
  run(signal?: AbortSignal): Promise<readonly ActionResult[]>;
  middle(): Promise<void>;
}

async function clone(): Promise<Long & { vm: Vm }> {
  const vm = site.vm('host01');
  return {
    vm,
    run: (signal) => site.one.tm(prolog(site.one.model, vm), signal),
    middle: () => site.copying(site.directory(vm)),
  };
}

async function move(): Promise<Long & { vm: Vm }> {
  const vm = await site.deployedVm('host01');
  deployTo(vm, 'host02', 107, 'agent_local');
  Object.assign(vm, { lcmState: LCM_STATES.prologMigrate });
  return {
    vm,
    run: (signal) => site.one.tm(migrate(site.one.model, vm), signal),
    middle: () => site.copying(site.file('host02', '107')),
  };
}

async function saveBack(): Promise<Long> {
  const vm = await site.deployedVm('host01', { clone: false, save: true });
  Object.assign(vm, { lcmState: LCM_STATES.epilog });
  return {
    run: (signal) => site.one.tm(epilog(site.one.model, vm).slice(0, 1), signal),
    middle: () => site.copying(site.file('frontend', '106')),
  };
}

async function saveAsImage(): Promise<Long> {
  const vm = await site.deployedVm('host01');
  const [disk] = vm.disks;
  if (disk === undefined) throw new Error('the VM has no disk');
  Object.assign(vm, { state: 8, lcmState: 0 });
  // No rate holds this one up: it waits before its first byte.
  const hold = await site.hold('frontend', 'transfer.receive.copy*');
  return {
    run: (signal) => site.one.tm(saveAs(site.one.model, vm, disk, site.onedPath(106, 'saved')), signal).finally(() => hold.release()),
    middle: () => hold.reached(),
  };
}

async function refreshContext(): Promise<Long> {
  const { id } = site.vm('host01');
  const vm = { ...(site.one.model.vms.get(id) as Vm), contextDisk: 1 };
  site.one.model.vms.set(id, vm);
  await mkdir(site.directory(vm));
  // Stays, as after the first deployment; what was made in it does not.
  await mkdir(site.file('frontend', '107', '.isofiles'));
  await site.one.writeContext(vm);
  const hold = await site.hold('host01', 'transfer.receive.copy*');
  return {
    run: (signal) => site.one.tm([contextLine(site.one.model, vm)], signal).finally(() => hold.release()),
    middle: () => hold.reached(),
  };
}

async function download(): Promise<Long> {
  const image = site.image(`${server.url}/stalls`);
  return { run: async (signal) => [await site.one.image('cp', image, signal)], middle: () => site.copying(site.file('frontend', '106')) };
}

describe('SIGTERM in the middle', () => {
  it.each([
    ['clone', clone],
    ['mv of a VM directory', move],
    ['mvds', saveBack],
    ['cpds', saveAsImage],
    ['context', refreshContext],
    ['cp over http', download],
  ])('takes %s back', async (what, make) => {
    const long = await make();
    const before = await treesOf(site.cluster);
    const stop = new AbortController();
    const running = long.run(stop.signal);
    await long.middle();
    stop.abort();
    const line = errorLine((await running).at(-1));
    expect(line, what).toMatch(/^(tm|ds)\/\w+ was stopped by a signal: its operation [0-9a-f-]{36} is cancelled$/);
    await site.comesTo(before);
  });
});

describe('a delete in the middle', () => {
  it('ends the clone, and nothing is there', async () => {
    const before = await treesOf(site.cluster);
    const long = await clone();
    const running = long.run();
    await long.middle();
    const deleted = await site.one.tm(terminate(site.one.model, long.vm));
    expect(deleted.map(({ exit }) => exit)).toEqual([0, 0]);
    expect(errorLine((await running).at(-1))).toMatch(/^clone: .*(superseded|later|delete)/i);
    await site.comesTo(before);
  });

  it('ends the mv, and the source is whole', async () => {
    const long = await move();
    const before = await treesOf(site.cluster);
    const running = long.run();
    await long.middle();
    // What oned does when an admin recovers the VM with success false and tries again: the target goes.
    const [deleted] = await site.one.tm([`DELETE agent_local host02:${site.onedPath(107, long.vm.id)} ${long.vm.id} 107`]);
    expect(deleted?.exit).toBe(0);
    expect(errorLine((await running).at(-1))).toMatch(/^mv: .*(superseded|later|delete)/i);
    await site.comesTo(before);
  });
});

it('is itself again in the middle: the later clone takes over', async () => {
  const long = await clone();
  const first = long.run();
  await long.middle();
  const second = long.run();
  expect(errorLine((await first).at(-1))).toMatch(/^clone: .*(superseded|later|again)/i);
  expect((await second).map(({ exit }) => exit)).toEqual([0]);
  await sameContent(site.file('frontend', '106', 'image'), 'raw', `${site.directory(long.vm)}/disk.0`, 'raw');
});

describe('a restart in the middle', () => {
  it.each(['host01', 'host02', 'controller'] as const)('of %s does not stop a mv', async (name) => {
    const long = await move();
    const running = long.run();
    await long.middle();
    await (name === 'controller' ? site.cluster.controller : site.cluster.agent(name)).restart();
    expect((await running).map(({ exit, info }) => [exit, info])).toEqual([
      [0, '-'],
      [0, '-'],
    ]);
    await sameContent(site.file('frontend', '106', 'image'), 'raw', `${site.directory(long.vm, 'host02')}/disk.0`, 'raw');
    expect((await treesOf(site.cluster)).filter((entry) => entry.startsWith(`host01: 107/${long.vm.id}/`))).toEqual([]);
    await rm(site.directory(long.vm, 'host02'), { recursive: true });
    for (const host of ['host01', 'host02'] as const) await site.reachable(host);
  });
});
