import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StorageError } from '../../../runtime/errors.ts';
import { type Bench, openBench } from '../call.ts';
import { base64, fixture, recordedVm } from '../fake-agents.ts';

/** Which agents do what, in which order, when a VM changes its place while it runs. */

const DS = '/var/lib/one//datastores';
const OK = { stdout: '', failure: undefined };
const DOMAIN = '2d216abe-7eca-40a2-88b1-302601e64523';
const WORDS = `node2 node1 ${DS}/107/9 9 107`;

let bench: Bench;
let stdin: string;
beforeEach(async () => {
  bench = await openBench();
  stdin = base64(await fixture('premigrate.vm.xml'));
  await running(107);
});
afterEach(() => bench.close());

/** Running, and on its way from datastore `from`, as oned's history has it. */
async function running(from: number): Promise<void> {
  const history = [from, 107].map((datastoreId, sequence) => ({ sequence, hostName: 'node2', datastoreId, tmMad: 'agent_local' }));
  bench.openNebula.vm_ = await recordedVm({ state: 3, lcmState: 4, deployId: DOMAIN, history });
}

/** Without what tells an agent whose operation failed to stop. */
const seen = (): readonly string[] => bench.seen().filter((call) => !call.endsWith('Operations/Cancel'));

describe('to another host', () => {
  it('premigrate asks the source first, then the target receives', async () => {
    expect(await bench.call('tm/premigrate', WORDS, stdin)).toEqual(OK);
    expect(seen()).toEqual(['node2 Guests/PrepareMigration', 'node2 Transfers/Open', 'node1 Transfers/Receive']);
    const place = { datastoreId: 107, path: '9' };
    expect(bench.request('Guests/PrepareMigration')).toMatchObject({ directory: place, domain: DOMAIN });
    expect(bench.request('Transfers/Open')).toMatchObject({ source: place, domain: DOMAIN, format: '' });
    expect(bench.request('Transfers/Receive')).toMatchObject({ guest: { place, monitor: 'agent_local' } });
  });

  it('premigrate that fails gives the source its names back', async () => {
    bench.agents.behave = ({ method }) => {
      if (method === 'Transfers/Receive') throw new StorageError('no_space', 'no space left in datastore 107 on node1');
      return { format: '', sizeBytes: 0, md5: '' };
    };
    const { failure } = await bench.call('tm/premigrate', WORDS, stdin);
    expect(failure).toMatchObject({
      reason: 'no_space',
      message: expect.stringMatching(/^premigrate: no space left in datastore 107 on node1/),
    });
    expect(seen().at(-1)).toBe('node2 Guests/AbandonMigration');
  });

  it('postmigrate removes nothing before the target has confirmed', async () => {
    expect(await bench.call('tm/postmigrate', WORDS, stdin)).toEqual(OK);
    expect(seen()).toEqual(['node1 Guests/ConfirmMigration', 'node2 Guests/FinishMigration']);
    bench.agents.calls.length = 0;
    bench.agents.behave = () => {
      throw new StorageError('conflict', 'domain does not run');
    };
    expect((await bench.call('tm/postmigrate', WORDS, stdin)).failure).toMatchObject({ reason: 'conflict' });
    expect(seen()).toEqual(['node1 Guests/ConfirmMigration']);
  });

  it('failmigrate: the source first, whatever became of the target', async () => {
    bench.agents.behave = ({ host }) => {
      if (host === 'node1') throw new StorageError('unreachable', 'node1 does not answer');
      return { format: '', sizeBytes: 0, md5: '' };
    };
    expect((await bench.call('tm/failmigrate', WORDS, stdin)).failure).toMatchObject({ reason: 'unreachable' });
    expect(seen()).toEqual(['node2 Guests/AbandonMigration', 'node1 Guests/AbandonMigration']);
  });
});

describe('to another datastore', () => {
  it('the source is where the VM was before', async () => {
    const words = `node1 node1 ${DS}/107/9 9 107`;
    await running(104);
    expect(await bench.call('tm/premigrate', words, stdin)).toEqual(OK);
    expect(bench.request('Guests/PrepareMigration')).toMatchObject({ directory: { datastoreId: 104, path: '9' } });
    expect(bench.request('Transfers/Receive')).toMatchObject({ guest: { place: { datastoreId: 107, path: '9' } } });
    expect(await bench.call('tm/postmigrate', words, stdin)).toEqual(OK);
    expect(bench.request('Guests/ConfirmMigration')).toMatchObject({ directory: { datastoreId: 107 } });
    expect(bench.request('Guests/FinishMigration')).toMatchObject({ directory: { datastoreId: 104 } });
  });
});

describe('nothing to do', () => {
  it.each(['tm/premigrate', 'tm/postmigrate', 'tm/failmigrate'] as const)('%s', async (action) => {
    // For a disk in another system datastore (contract 3.4), for a VM that stays, by whatever name its host is called, and one that is off.
    expect(await bench.call(action, `${WORDS} ssh`, stdin)).toEqual(OK);
    expect(await bench.call(action, `node1 node1 ${DS}/107/9 9 107`, stdin)).toEqual(OK);
    bench.agents.machines.set('node1', 'one').set('node2', 'one');
    expect(await bench.call(action, WORDS, stdin)).toEqual(OK);
    bench.openNebula.vm_ = await recordedVm({ state: 8, lcmState: 0 });
    expect(await bench.call(action, WORDS, stdin)).toEqual(OK);
    expect(seen()).toEqual([]);
  });

  it('refuses a directory of another VM', async () => {
    const { failure } = await bench.call('tm/premigrate', `node2 node1 ${DS}/107/8 9 107`, stdin);
    expect(failure).toMatchObject({ reason: 'bad_argument' });
    expect(seen()).toEqual([]);
  });
});
