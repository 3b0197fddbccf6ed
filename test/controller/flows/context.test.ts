import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StorageError } from '../../../runtime/errors.ts';
import { type Bench, openBench } from '../call.ts';

const DS = '/var/lib/one//datastores';
const OK = { stdout: '', failure: undefined };

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

describe('context', () => {
  it('builds on the front-end, sends, removes the work file', async () => {
    const files = `/var/lib/one/vms/9/context.sh ${DS}/2/abc:'init.sh' ${DS}/2/def https://example.org/x`;
    expect(await bench.call('tm/context', `${files} node1:${DS}/107/9/disk.4 9 107`, '', 'key-of-context')).toEqual(OK);
    expect(bench.seen()).toEqual([
      'frontend Disks/CreateContext',
      'frontend Transfers/Open',
      'node1 Transfers/Receive',
      'frontend Disks/Remove',
    ]);
    const work = { datastoreId: 107, path: '.isofiles/9.key-of-context.iso' };
    expect(bench.request('Disks/CreateContext')).toMatchObject({
      files: [
        { vmFile: '9/context.sh', target: '' },
        { place: { datastoreId: 2, path: 'abc' }, target: 'init.sh' },
        { place: { datastoreId: 2, path: 'def' }, target: '' },
        { url: 'https://example.org/x', target: '' },
      ],
      target: work,
    });
    expect(bench.request('Transfers/Receive')['disk']).toMatchObject({
      place: { datastoreId: 107, path: '9/disk.4' },
      format: '',
      monitor: 'agent_local',
    });
    expect(bench.request('Disks/Remove')['target']).toEqual(work);
    expect(bench.openNebula.asked).toBe(0);
  });

  it('removes the work file after a failure too', async () => {
    bench.agents.behave = ({ method }) => {
      if (method === 'Transfers/Receive') throw new StorageError('no_space', 'full');
      return { format: '', sizeBytes: 0, md5: '' };
    };
    expect((await bench.call('tm/context', `/var/lib/one/vms/9/context.sh node1:${DS}/107/9/disk.4 9 107`)).failure?.reason).toBe(
      'no_space',
    );
    expect(bench.seen()).toContain('frontend Disks/Remove');
  });

  it('removes the work file when it is cancelled on the way, also by a controller that was restarted', async () => {
    const argv = `/var/lib/one/vms/9/context.sh node1:${DS}/107/9/disk.4 9 107`;
    for (const key of ['cancelled-at-once', 'cancelled-after-a-restart']) {
      bench.agents.calls.length = 0;
      bench.agents.behave = ({ method }, signal) =>
        method === 'Transfers/Receive'
          ? new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
          : { format: '', sizeBytes: 0, md5: '' };
      const call = bench.call('tm/context', argv, '', key);
      await expect.poll(() => bench.seen()).toContain('node1 Transfers/Receive');
      if (key === 'cancelled-after-a-restart') {
        bench = bench.restart();
        bench.operations.recover();
      }
      await expect.poll(() => bench.actions.cancel(key, 'stopped')).toBe(true);
      await expect.poll(() => bench.operations.get(key)?.state).toBe('cancelled');
      if (key === 'cancelled-at-once') expect((await call).failure?.reason).toBe('cancelled');
      expect(bench.seen().slice(-2)).toEqual(['node1 Operations/Cancel', 'frontend Disks/Remove']);
      expect(bench.request('Disks/Remove')['target']).toEqual({ datastoreId: 107, path: `.isofiles/9.${key}.iso` });
    }
  });

  it.each([
    ['/etc/passwd', 'restricted_path'],
    ['/var/lib/one/vms/../../../etc/passwd', 'restricted_path'],
    [`${DS}/2/abc:../../x`, 'bad_argument'],
  ])('refuses %s', async (file, reason) => {
    expect((await bench.call('tm/context', `${file} node1:${DS}/107/9/disk.4 9 107`)).failure?.reason).toBe(reason);
    expect(bench.seen()).toEqual([]);
  });
});
