import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StorageError } from '../../../runtime/errors.ts';
import { type Bench, openBench } from '../call.ts';
import { recordedVm } from '../fake-agents.ts';

const DS = '/var/lib/one//datastores';
const OK = { stdout: '', failure: undefined };

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

describe('mv', () => {
  const move = `node1:${DS}/107/9 node2:${DS}/107/9 9 107`;

  it('removes the source after the target is complete, not before', async () => {
    expect(await bench.call('tm/mv', move)).toEqual(OK);
    expect(bench.seen()).toEqual(['node1 Transfers/Open', 'node2 Transfers/Receive', 'node1 Disks/Remove']);
    expect(bench.request('Transfers/Receive')['directory']).toEqual({ place: { datastoreId: 107, path: '9' }, monitor: 'agent_local' });
    expect(bench.request('Disks/Remove')['target']).toEqual({ datastoreId: 107, path: '9' });
  });

  it('keeps the source when the transfer fails', async () => {
    bench.agents.behave = () => {
      throw new StorageError('no_space', 'no space left in datastore 107');
    };
    const { failure } = await bench.call('tm/mv', move);
    expect(failure?.message).toBe('mv: no space left in datastore 107 (on node2; free space in the datastore, or use another one)');
    expect(bench.seen()).not.toContain('node1 Disks/Remove');
  });

  it.each([
    [
      'node2 has lost the layer below (b0ff3406)',
      'mv: node2 has lost the layer below (b0ff3406): a part of the chain was removed or replaced; bring it back, if it can be had',
    ],
    [
      'node2 has lost it (two layers below)',
      'mv: node2 has lost it (two layers below; a part of the chain was removed or replaced; bring it back, if it can be had)',
    ],
    ['node2 has lost it', 'mv: node2 has lost it (a part of the chain was removed or replaced; bring it back, if it can be had)'],
  ])('says what to do after %s', async (said, message) => {
    bench.agents.behave = () => {
      throw new StorageError('broken_chain', said);
    };
    expect((await bench.call('tm/mv', move)).failure?.message).toBe(message);
  });

  it('does nothing for a disk, for the same place, and for a lost host', async () => {
    expect(await bench.call('tm/mv', `node1:${DS}/107/9/disk.0 node2:${DS}/107/9/disk.0 9 106`)).toEqual(OK);
    expect(await bench.call('tm/mv', `node1:${DS}/107/9 node1:/var/lib/one/datastores/107/9/ 9 107`)).toEqual(OK);
    expect(bench.openNebula.asked).toBe(0);
    for (const lcmState of [60, 61]) {
      bench.openNebula.vm_ = await recordedVm({ state: 3, lcmState });
      expect(await bench.call('tm/mv', move)).toEqual(OK);
      // Nobody knows the host any more.
      expect(await bench.call('tm/mv', `gone:${DS}/107/9 node2:${DS}/107/9 9 107`)).toEqual(OK);
    }
    bench.openNebula.vm_ = await recordedVm();
    bench.agents.machines.set('node1', 'm').set('node2', 'm');
    expect(await bench.call('tm/mv', move)).toEqual(OK);
    expect(bench.seen()).toEqual([]);
  });

  it('moves inside one host to another datastore', async () => {
    expect(await bench.call('tm/mv', `node1:${DS}/107/9 node1:${DS}/108/9 9 108`)).toEqual(OK);
    expect(bench.seen()).toEqual(['node1 Transfers/Open', 'node1 Transfers/Receive', 'node1 Disks/Remove']);
    expect(bench.request('Disks/Remove')['target']).toEqual({ datastoreId: 107, path: '9' });
  });

  const GONE = "'9' does not exist in datastore 107 on node1";
  const sourceIsGone = (): void => {
    bench.agents.open = (host) => {
      if (host === 'node1') throw new StorageError('not_found', GONE);
    };
  };
  const unknownOrigin = {
    reason: 'not_found',
    message: `mv: ${GONE}; node2 has a directory '9' in datastore 107, but of unknown origin: nothing was changed`,
  };

  it('takes a directory at the target for nothing it has moved, without a journal that says so', async () => {
    sourceIsGone();
    expect((await bench.call('tm/mv', move)).failure).toEqual(unknownOrigin);
    bench.agents.open = (host) => {
      throw new StorageError('not_found', `107/9 is not on ${host}`);
    };
    expect((await bench.call('tm/mv', move)).failure).toEqual({
      reason: 'not_found',
      message: 'mv: 107/9 is not on node1; it is not on node2 either',
    });
    bench.agents.open = (host) => {
      if (host === 'node1') throw new StorageError('storage_failed', 'datastore 107 is not there on node1 (is it mounted?)');
    };
    expect((await bench.call('tm/mv', move)).failure).toMatchObject({
      reason: 'storage_failed',
      message: expect.stringContaining('mv: datastore 107 is not there on node1 (is it mounted?'),
    });
  });

  it('is done when a call with the same words has moved it, also before a restart', async () => {
    expect(await bench.call('tm/mv', move)).toEqual(OK);
    sourceIsGone();
    bench.agents.calls.length = 0;
    expect(await bench.call('tm/mv', move)).toEqual(OK);
    expect(bench.seen()).toEqual(['node1 Transfers/Open', 'node2 Transfers/Open']);
    bench = bench.restart();
    expect(await bench.call('tm/mv', move)).toEqual(OK);
    expect((await bench.call('tm/mv', `node1:${DS}/107/9 node2:${DS}/108/9 9 107`)).failure?.message).toContain('of unknown origin');
  });

  it('is not done when the earlier call could not remove the source, or when the VM was moved elsewhere after it', async () => {
    bench.agents.behave = ({ method }) => {
      if (method === 'Disks/Remove') throw new StorageError('in_use', 'busy');
      return { format: '', sizeBytes: 0, md5: '' };
    };
    expect((await bench.call('tm/mv', move)).failure).toMatchObject({ reason: 'in_use' });
    sourceIsGone();
    expect((await bench.call('tm/mv', move)).failure).toEqual(unknownOrigin);
    bench.agents.behave = () => ({ format: '', sizeBytes: 0, md5: '' });
    bench.agents.open = () => undefined;
    expect(await bench.call('tm/mv', move)).toEqual(OK);
    expect(await bench.call('tm/mv', `node2:${DS}/107/9 node1:${DS}/107/9 9 107`)).toEqual(OK);
    sourceIsGone();
    expect((await bench.call('tm/mv', move)).failure).toEqual(unknownOrigin);
  });

  it('within one machine the rename alone is enough: the call before it lost its agent', async () => {
    bench.agents.machines.set('node1', 'm').set('node2', 'm');
    const other = `node1:${DS}/107/9 node2:${DS}/108/9 9 108`;
    bench.agents.behave = ({ method }) => {
      if (method === 'Disks/Remove') throw new StorageError('storage_failed', 'lost');
      return { format: '', sizeBytes: 0, md5: '' };
    };
    expect((await bench.call('tm/mv', other)).failure).toBeDefined();
    sourceIsGone();
    expect(await bench.call('tm/mv', other)).toEqual(OK);
  });
});
