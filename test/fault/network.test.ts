import { afterAll, beforeAll, expect, it } from 'vitest';
import { deployTo, LCM_STATES } from '../lab/opennebula/model.ts';
import { sameContent } from '../lab/tools.ts';
import { migrate, prolog, terminate } from '../lab/transfer-scripts.ts';
import { errorLine } from './error-line.ts';
import { type FaultSite, startFaultSite } from './fault-site.ts';
import { type Cable, startProxy } from './proxy.ts';
import { treesOf } from './tree.ts';

/** A network that is cut, and a source that dies, in the middle of a copy. */

let site: FaultSite;
/** The way from the other agents to the front-end, and from the controller to host02. */
let toSource: Cable;
let toTarget: Cable;

beforeAll(async () => {
  site = await startFaultSite({ controllerOptions: { bandwidth: { deploy: 2, move: 2 } } });
  toSource = await startProxy(site.cluster.agent('frontend').address);
  toTarget = await startProxy(site.cluster.agent('host02').address);
  await site.reconfigure('frontend', { advertise: toSource.address });
  const { frontend, host01 } = site.cluster.site.hosts;
  await site.reconfigure('controller', {
    hosts: {
      frontend: { address: frontend.address },
      host01: { address: host01.address },
      host02: { address: toTarget.address },
    },
    deadlines: { reattach_seconds: 90, cancel_seconds: 5 },
  });
});

afterAll(async () => {
  await Promise.all([toSource?.stop(), toTarget?.stop()]);
  await site?.stop();
});

it('goes on when the way to the target was cut for a moment', async () => {
  const vm = site.vm('host02');
  const running = site.one.tm(prolog(site.one.model, vm));
  await site.copying(site.directory(vm, 'host02'));
  toTarget.cut();
  // The agent works on, whether anybody listens or not.
  await expect.poll(() => site.exists(site.directory(vm, 'host02'), 'disk.0'), { timeout: 30_000 }).toBe(true);
  toTarget.mend();
  expect((await running).map(({ exit }) => exit)).toEqual([0]);
  await sameContent(site.file('frontend', '106', 'image'), 'raw', `${site.directory(vm, 'host02')}/disk.0`, 'raw');
  await site.one.tm(terminate(site.one.model, vm));
});

it('goes on when the way to the source was cut for a moment', async () => {
  const vm = site.vm('host01');
  const running = site.one.tm(prolog(site.one.model, vm));
  await site.copying(site.directory(vm));
  toSource.cut();
  toSource.mend();
  expect((await running).map(({ exit }) => exit)).toEqual([0]);
  await sameContent(site.file('frontend', '106', 'image'), 'raw', `${site.directory(vm)}/disk.0`, 'raw');
  await site.one.tm(terminate(site.one.model, vm));
});

// The receiver looks for its source for a minute: both at once.
it('says which source was lost for good, and leaves nothing on the target', { timeout: 180_000 }, async () => {
  const moved = await site.deployedVm('host01');
  deployTo(moved, 'host02', 107, 'agent_local');
  Object.assign(moved, { lcmState: LCM_STATES.prologMigrate });
  const cloned = site.vm('host02');
  const before = await treesOf(site.cluster);

  const moving = site.one.tm(migrate(site.one.model, moved));
  await site.copying(site.file('host02', '107'));
  await site.cluster.agent('host01').kill('SIGKILL');
  const cloning = site.one.tm(prolog(site.one.model, cloned));
  await site.copying(site.directory(cloned, 'host02'));
  toSource.cut();

  const hint = '\\(check that the host is up and onestorage-agent runs on it\\)$';
  expect(errorLine((await moving).at(-1))).toMatch(
    new RegExp(`^mv: transfer from host01 to host02 failed: host01 .* does not answer: connection refused ${hint}`),
  );
  expect(errorLine((await cloning).at(-1))).toMatch(
    new RegExp(`^clone: transfer from frontend to host02 failed: frontend .* does not answer: .* ${hint}`),
  );
  await site.comesTo(before);
  toSource.mend();
  await site.cluster.agent('host01').start();
});
