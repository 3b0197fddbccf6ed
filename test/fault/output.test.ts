import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { prolog } from '../lab/transfer-scripts.ts';
import { errorLine } from './error-line.ts';
import { type FaultSite, startFaultSite } from './fault-site.ts';

/** What oned reads of an action, by version, and what it reads when there is no controller or no OpenNebula. */

describe.each(['7', '6.10'] as const)('OpenNebula %s', (version) => {
  let site: FaultSite;

  beforeAll(async () => {
    site = await startFaultSite({
      version,
      environment: { ONESTORAGE_CONNECT_SECONDS: '1' },
      controllerOptions: { deadlines: { reattach_seconds: 1, cancel_seconds: 1 } },
    });
  });

  afterAll(async () => {
    await site?.stop();
  });

  it('reads one line of a failure, whatever was logged before', async () => {
    const vm = site.vm('host01');
    const hold = await site.hold('host01', 'transfer.receive.copy*');
    const running = site.one.tm(prolog(site.one.model, vm));
    await hold.reached();
    await site.cluster.agent('host01').kill('SIGKILL');
    const [result] = await running;
    errorLine(result, version);
    expect(result?.info).toMatch(/^clone: host01 went away/);
    // 6.10 would glue log lines to the error; 7 reads them as such.
    if (version === '7') expect(result?.log).toContainEqual(expect.objectContaining({ severity: 'WARN', objectId: -1 }));
    else expect(result?.stderr.trim().split('\n')).toHaveLength(1);
    await hold.release();
    await site.cluster.agent('host01').start();
    await site.reachable('host01');
    await site.one.tm([`DELETE agent_local host01:${site.onedPath(107, vm.id)} ${vm.id} 107`]);
  });

  it('reads nothing but the result of a success', async () => {
    const [result] = await site.one.tm(prolog(site.one.model, site.vm('host01')));
    expect(result).toMatchObject({ exit: 0, stdout: '', info: '-', undefinedMessages: [] });
    const lines = (result?.stderr ?? '').split('\n').filter((line) => line !== '');
    expect(version === '7' ? lines.filter((line) => !/^(INFO|WARN|DEBUG): \D/.test(line)) : lines).toEqual([]);
    const monitor = await site.one.monitor(106);
    expect(monitor).toMatchObject({ exit: 0, info: expect.stringMatching(/^USED_MB=\d+ TOTAL_MB=\d+ FREE_MB=\d+$/) });
    const stat = await site.one.stat('/nowhere/image', 106);
    expect(errorLine(stat, version)).toMatch(/^stat: /);
  });

  it('is told that it does not answer itself', async () => {
    site.one.endpoint.down = true;
    await site.refuses(
      () => site.one.tm(prolog(site.one.model, site.vm('host01'))),
      /^clone: OpenNebula at http:\S+ cannot be reached: .* \(check that oned runs, and opennebula in controller\.yaml\)$/,
    );
    site.one.endpoint.down = false;
  });

  it('is told that the controller is not there', async () => {
    await site.cluster.controller.kill('SIGKILL');
    await site.refuses(
      () => site.one.tm(prolog(site.one.model, site.vm('host01'))),
      /^onestorage controller does not answer on \/\S+: start it with systemctl start onestorage-controller$/,
    );
    await site.cluster.controller.start();
  });
});
