import { mkdir } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LCM_STATES, type Vm } from '../lab/opennebula/model.ts';
import { makeRaw } from '../lab/origins.ts';
import type { HostName } from '../lab/site.ts';
import { epilog, prolog, terminate } from '../lab/transfer-scripts.ts';
import { type FaultSite, startFaultSite } from './fault-site.ts';
import { type FaultyServer, startFaultyServer } from './faulty-server.ts';
import { canMount, mountSmallDisk } from './small-disk.ts';
import { treesOf } from './tree.ts';

/** A target that is down, hangs or is full: one line, the source as it was, nothing on the target. */

const mounts = await canMount();
let site: FaultSite;

beforeAll(async () => {
  // An agent that goes away is looked for; two seconds are enough to see that it is.
  site = await startFaultSite({ controllerOptions: { deadlines: { reattach_seconds: 2, cancel_seconds: 2 } } });
});

afterAll(async () => {
  await site?.stop();
});

afterEach(async () => {
  await site.idle();
});

const deploy = (vm: Vm) => () => site.one.tm(prolog(site.one.model, vm));

function signal(host: HostName, name: NodeJS.Signals): void {
  const { pid } = site.cluster.agent(host);
  if (pid === undefined) throw new Error(`the agent of ${host} does not run`);
  process.kill(pid, name);
}

describe('the agent of the target', () => {
  it('is down', async () => {
    const host = site.cluster.agent('host01');
    await host.kill('SIGKILL');
    await site.refuses(
      deploy(site.vm()),
      /^clone: host01 \(127\.0\.0\.1:\d+\) does not answer: connection refused \(check that the host is up and onestorage-agent runs on it\)$/,
    );
    await host.start();
    await site.reachable('host01');
  });

  it('hangs', async () => {
    signal('host02', 'SIGSTOP');
    try {
      await site.refuses(
        deploy(site.vm('host02')),
        /^clone: host02 \(127\.0\.0\.1:\d+\) does not answer: no (?:connection|TLS handshake) within 5 s \(check .*\)$/,
      );
    } finally {
      signal('host02', 'SIGCONT');
      await site.reachable('host02');
    }
  });

  const FALLS: readonly (readonly [what: string, fall: () => Promise<void>, recover: () => Promise<void>])[] = [
    ['is killed', () => site.cluster.agent('host01').kill('SIGKILL'), () => site.cluster.agent('host01').restart()],
    ['hangs', async () => signal('host01', 'SIGSTOP'), async () => signal('host01', 'SIGCONT')],
  ];

  it.each(FALLS)('%s in the middle; the delete that follows leaves nothing', async (_what, fall, recover) => {
    const vm = site.vm();
    const before = await treesOf(site.cluster);
    const hold = await site.hold('host01', 'transfer.receive.copy*');
    try {
      await site.fails(async () => {
        const running = site.one.tm(prolog(site.one.model, vm));
        await hold.reached();
        await fall();
        return await running;
      }, /^clone: host01 went away and did not come back in [\d.]+ s: .*(does not answer|did not answer).* \(check that the host is up .*\)$/);
    } finally {
      await hold.release();
      await recover();
      await site.reachable('host01');
    }
    expect((await site.one.tm(terminate(site.one.model, vm))).map(({ exit }) => exit)).toEqual([0, 0]);
    await site.comesTo(before);
  });
});

describe('the disk of the target', () => {
  it('refuses to write in the middle', async () => {
    await site.cluster.agent('host01').arm('transfer.receive.copy*=errno:ENOSPC');
    await site.refuses(deploy(site.vm()), /^clone: .*no space left.* \(on host01; free space in the datastore, or use another one\)$/);
    await site.cluster.agent('host01').arm('');
  });

  it.skipIf(!mounts)('is too small', async () => {
    await withSmallDisk(site.file('host01', '107'), 8, async () => {
      await site.refuses(
        deploy(site.vm()),
        /^clone: no space left in datastore 107 on host01 \(needs 12\.0 MiB, has \d\.\d MiB; free space in the datastore, or use another one\)$/,
      );
    });
  });

  it.skipIf(!mounts)('fills up in the middle', async () => {
    await withSmallDisk(site.file('host01', '107'), 48, async (disk) => {
      const hold = await site.hold('host01', 'transfer.receive.copy*');
      await site.refuses(async () => {
        const running = deploy(site.vm())();
        await hold.reached();
        await disk.fill(4096);
        await hold.release();
        return await running.finally(() => disk.empty());
      }, /^clone: no space left in datastore 107 on host01 \(needs 12\.0 MiB, has .*; free space .*\)$/);
    });
  });
});

describe.skipIf(!mounts)('the disk of the front-end is full', () => {
  let server: FaultyServer;
  beforeAll(async () => {
    server = await startFaultyServer(site.file('host02', '106', 'image'));
    await mkdir(site.file('host02', '106'), { recursive: true });
    await makeRaw(site.file('host02', '106', 'image'), 24, 1);
  });
  afterAll(async () => {
    await server?.stop();
  });

  it('for cp', async () => {
    await withSmallDisk(site.file('frontend', '106'), 8, async () => {
      await site.refuses(
        () => site.one.image('cp', site.image(`${server.url}/whole`)),
        /^cp: .*no space left.*frontend.*; free space in the datastore/,
      );
    });
  });

  it('for mvds, and the image is as it was', async () => {
    const vm = await site.deployedVm('host01', { clone: false, save: true });
    Object.assign(vm, { lcmState: LCM_STATES.epilog });
    await withSmallDisk(site.file('frontend', '106'), 40, async (disk) => {
      await makeRaw(site.file('frontend', '106', 'image'), 24, 1);
      await disk.fill(4096);
      await site.refuses(
        () => site.one.tm(epilog(site.one.model, vm).slice(0, 1)),
        /^mvds: no space left in datastore 106 on frontend \(needs 12\.0 MiB, has \d\.\d MiB; free space in the datastore, or use another one\)$/,
      );
    });
  });
});

async function withSmallDisk(
  directory: string,
  sizeMb: number,
  work: (disk: Awaited<ReturnType<typeof mountSmallDisk>>) => Promise<void>,
): Promise<void> {
  const disk = await mountSmallDisk(directory, sizeMb);
  try {
    await work(disk);
    await site.idle();
  } finally {
    await disk.unmount();
  }
}
