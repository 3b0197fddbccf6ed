import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StorageError } from '../../../runtime/errors.ts';
import { MIB } from '../../../runtime/units.ts';
import { type Bench, openBench } from '../call.ts';
import { recordedVm } from '../fake-agents.ts';

const DS = '/var/lib/one//datastores';
const IMAGE = `${DS}/106/1a394a80a4beef6c4e00cc11ebbac422`;
const OK = { stdout: '', failure: undefined };

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

describe('clone and ln', () => {
  it('opens the image on the front-end, and the host receives it', async () => {
    expect(await bench.call('tm/clone', `frontend:${IMAGE} node1:${DS}/107/9/disk.0 9 106`, '', 'key-of-clone')).toEqual(OK);
    expect(bench.seen()).toEqual(['frontend Transfers/Open', 'node1 Transfers/Receive']);
    expect(bench.request('Transfers/Open')).toMatchObject({
      operationId: 'key-of-clone.receive',
      source: { datastoreId: 106, path: '1a394a80a4beef6c4e00cc11ebbac422' },
      format: 'qcow2',
      receiverMachineId: 'machine-of-node1',
    });
    expect(bench.request('Transfers/Receive')).toMatchObject({
      operation: { operationId: 'key-of-clone.receive', subject: 'clone of disk 0 of VM 9' },
      ticket: { capability: 'secret-capability' },
      disk: {
        place: { datastoreId: 107, path: '9/disk.0' },
        format: 'qcow2',
        sizeBytes: 320 * MIB,
        preallocate: false,
        monitor: 'agent_local',
      },
    });
    expect(bench.openNebula.asked).toBe(1);
  });

  it('says which machine the source is, so that the receiver sees its own', async () => {
    bench.agents.machines.set('frontend', 'm').set('node1', 'm');
    expect(await bench.call('tm/clone', `${IMAGE} node1:${DS}/107/9/disk.0 9 106`)).toEqual(OK);
    expect(bench.request('Transfers/Receive')['ticket']).toMatchObject({ machineId: 'm' });
  });

  it('ln never grows, a kernel is any file and asks nobody', async () => {
    await bench.call('tm/ln', `frontend:${IMAGE} node1:${DS}/107/9/disk.0 9 106`);
    expect(bench.request('Transfers/Receive')['disk']).toMatchObject({ sizeBytes: 0 });
    bench.agents.calls.length = 0;
    expect(await bench.call('tm/clone', `frontend:${DS}/2/abc node1:${DS}/107/9/kernel 9 2`)).toEqual(OK);
    expect(bench.request('Transfers/Receive')['disk']).toMatchObject({ format: '', place: { path: '9/kernel' } });
    expect(bench.openNebula.asked).toBe(1);
  });

  it('a CDROM is opaque; another format is refused', async () => {
    const vm = await recordedVm();
    bench.openNebula.vm_ = { ...vm, disks: vm.disks.map((disk) => ({ ...disk, cdrom: true })) };
    await bench.call('tm/ln', `frontend:${IMAGE} node1:${DS}/107/9/disk.0 9 106`);
    expect(bench.request('Transfers/Receive')['disk']).toMatchObject({ format: '' });
    bench.openNebula.vm_ = {
      ...vm,
      disks: vm.disks.map((disk) => ({ ...disk, format: undefined, attributes: new Map([['FORMAT', 'rbd']]) })),
    };
    expect((await bench.call('tm/clone', `frontend:${IMAGE} node1:${DS}/107/9/disk.0 9 106`)).failure).toMatchObject({
      reason: 'bad_document',
    });
  });

  it.each([
    [`frontend:${IMAGE} node1:${DS}/107/8/disk.0 9 106`, 'bad_argument', /^clone: the path .* is not in the directory of VM 9$/],
    [`frontend:${IMAGE} node1:/etc/passwd 9 106`, 'outside_datastore', /^clone: .*not below/],
    [`frontend:${DS}/../etc/shadow node1:${DS}/107/9/disk.0 9 106`, 'outside_datastore', /'\.\.'/],
    [`frontend:${IMAGE} node1:${DS}/107/9/disk.7 9 106`, 'not_found', /^clone: VM 9 has no disk 7 in OpenNebula$/],
    [`frontend:${IMAGE} node1:${DS}/107/9/disk.0 9`, 'bad_argument', /^clone: expected 4 words/],
  ])('refuses %s', async (argv, reason, message) => {
    const { failure } = await bench.call('tm/clone', argv);
    expect(failure).toMatchObject({ reason, message: expect.stringMatching(message) });
    expect(bench.seen()).toEqual([]);
  });

  it('tries a broken transfer again, with a new ticket and a new id', async () => {
    bench.agents.behave = ({ request }) => {
      if (String((request['operation'] as { operationId: string }).operationId).endsWith('.receive'))
        throw new StorageError('interrupted', 'the agent was restarted');
      return { format: '', sizeBytes: 0, md5: '' };
    };
    expect(await bench.call('tm/clone', `frontend:${IMAGE} node1:${DS}/107/9/disk.0 9 106`)).toEqual(OK);
    expect(bench.seen()).toEqual([
      'frontend Transfers/Open',
      'node1 Transfers/Receive',
      'frontend Transfers/Open',
      'node1 Transfers/Receive',
    ]);
  });
});

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
      'mv: node2 has lost the layer below (b0ff3406): repair the backing chain; nothing was changed',
    ],
    ['node2 has lost it (two layers below)', 'mv: node2 has lost it (two layers below; repair the backing chain; nothing was changed)'],
    ['node2 has lost it', 'mv: node2 has lost it (repair the backing chain; nothing was changed)'],
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

describe('mvds, cpds, delete', () => {
  it('mvds brings the snapshots along and leaves the disk', async () => {
    expect(await bench.call('tm/mvds', `node1:${DS}/107/9/disk.1 ${DS}/106/8b7a 9 106`)).toEqual(OK);
    expect(bench.seen()).toEqual(['node1 Transfers/Open', 'frontend Transfers/Receive']);
    expect(bench.request('Transfers/Receive')['image']).toEqual({
      place: { datastoreId: 106, path: '8b7a' },
      format: 'qcow2',
      withSnapshots: true,
    });
  });

  it('cpds takes the current content, or a snapshot, as one file', async () => {
    expect(await bench.call('tm/cpds', `node1:${DS}/107/9/disk.1 ${DS}/106/e829 -1 9 106`)).toEqual(OK);
    expect(bench.request('Transfers/Open')).toMatchObject({ flat: true, format: 'qcow2' });
    expect(bench.request('Transfers/Open')).not.toHaveProperty('snapshotId');
    bench.agents.calls.length = 0;
    expect(await bench.call('tm/cpds', `frontend:${DS}/107/9/disk.1 ${DS}/106/e829 3 9 106`)).toEqual(OK);
    expect(bench.request('Transfers/Receive')['source']).toMatchObject({ flat: true, snapshotId: 3 });
  });

  it('cpds of a running VM sends a copy of one moment, and removes that; its snapshots are not written any more', async () => {
    bench.openNebula.vm_ = await recordedVm({ state: 3, lcmState: 26 });
    expect(await bench.call('tm/cpds', `node1:${DS}/107/9/disk.1 ${DS}/106/e829 -1 9 106`)).toEqual(OK);
    const copy = { datastoreId: 107, path: expect.stringMatching(/^9\/\.onestorage\.[^/]+\.saveas\.disk\.1$/) };
    expect(bench.request('Guests/CopyDisk')).toMatchObject({
      disk: { place: { datastoreId: 107, path: '9/disk.1' }, format: 'qcow2', domain: '2d216abe-7eca-40a2-88b1-302601e64523' },
      target: copy,
      quiet: 'none',
    });
    expect(bench.request('Transfers/Receive')).toMatchObject({ source: { source: copy, flat: true } });
    expect(bench.request('Disks/Remove')).toMatchObject({ target: copy });
    bench.agents.calls.length = 0;
    expect(await bench.call('tm/cpds', `node1:${DS}/107/9/disk.1 ${DS}/106/e829 0 9 106`)).toEqual(OK);
    expect(bench.seen()).not.toContain('node1 Guests/CopyDisk');
  });

  it('delete asks nobody', async () => {
    expect(await bench.call('tm/delete', `frontend:${DS}/107/9 9 107`)).toEqual(OK);
    expect(await bench.call('tm/delete', `node1:${DS}/107/9/disk.0 9 107`)).toEqual(OK);
    expect(bench.seen()).toEqual(['frontend Disks/Remove', 'node1 Disks/Remove']);
    expect(bench.openNebula.asked).toBe(0);
    expect((await bench.call('tm/delete', `node1:${DS}/107 9 107`)).failure?.reason).toBe('outside_datastore');
  });
});

describe('volatile disks, resize, snapshots, migration', () => {
  it('mkimage takes the file system from the VM; mkswap asks nobody', async () => {
    await bench.call('tm/mkimage', `32 qcow2 node1:${DS}/107/9/disk.2 9 107`);
    expect(bench.request('Disks/Create')).toMatchObject({
      sizeBytes: 32 * MIB,
      format: 'qcow2',
      fileSystem: 'ext4',
      preallocate: false,
      monitor: 'agent_local',
    });
    bench.agents.calls.length = 0;
    await bench.call('tm/mkswap', `16 node1:${DS}/107/9/disk.3 9 107`);
    expect(bench.request('Disks/Create')).toMatchObject({ sizeBytes: 16 * MIB, format: 'raw', fileSystem: 'swap' });
    expect(bench.openNebula.asked).toBe(1);
  });

  it('resize leaves a running VM to the hypervisor', async () => {
    await bench.call('tm/resize', `node1:${DS}/107/9/disk.2 48 9 107`);
    expect(bench.request('Disks/Resize')).toMatchObject({
      target: { path: '9/disk.2' },
      sizeBytes: 48 * MIB,
      format: 'qcow2',
      preallocate: false,
    });
    bench.agents.calls.length = 0;
    bench.openNebula.vm_ = await recordedVm({ state: 3, lcmState: 62 });
    expect(await bench.call('tm/resize', `node1:${DS}/107/9/disk.2 48 9 107`)).toEqual(OK);
    expect(bench.seen()).toEqual([]);
  });

  it.each([
    ['tm/snap_create', 'Snapshots/Create'],
    ['tm/snap_revert', 'Snapshots/Revert'],
    ['tm/snap_delete', 'Snapshots/Delete'],
  ] as const)('%s', async (action, method) => {
    expect(await bench.call(action, `node1:${DS}/107/9/disk.0 2 9 106`)).toEqual(OK);
    expect(bench.request(method)).toMatchObject({ disk: { datastoreId: 107, path: '9/disk.0' }, snapshotId: 2, format: 'qcow2' });
  });

  it('deletes a snapshot of a running VM through its guest, unless it is a file of its own', async () => {
    bench.openNebula.vm_ = await recordedVm({ state: 3, lcmState: 59 });
    expect(await bench.call('tm/snap_delete', `node1:${DS}/107/9/disk.0 2 9 106`)).toEqual(OK);
    expect(bench.seen()).toEqual(['node1 Guests/DeleteSnapshot']);
    bench.agents.calls.length = 0;
    expect(await bench.call('tm/snap_delete', `node1:${DS}/107/9/disk.3 2 9 106`)).toEqual(OK);
    expect(bench.seen()).toEqual(['node1 Snapshots/Delete']);
  });

  it('snapshots a running VM through its guest', async () => {
    bench.openNebula.vm_ = await recordedVm({ state: 3, lcmState: 57 });
    expect(await bench.call('tm/snap_create_live', `node1:${DS}/107/9/disk.0 2 9 106`)).toEqual(OK);
    expect(bench.request('Guests/CreateSnapshot')).toMatchObject({
      disk: { place: { datastoreId: 107, path: '9/disk.0' }, format: 'qcow2', domain: '2d216abe-7eca-40a2-88b1-302601e64523' },
      snapshotId: 2,
      quiet: 'none',
    });
  });

  it('says in one line what is not there yet', async () => {
    const call = (driver: string) => bench.call('tm/delete', `node1:${DS}/107/9 9 107`, '', undefined, driver);
    expect((await call('agent_shared')).failure).toMatchObject({
      reason: 'unsupported',
      message: expect.stringContaining('the driver agent_shared cannot do tm/delete yet'),
    });
    expect((await call('agent_lvm')).failure).toMatchObject({ message: expect.stringContaining('the driver agent_lvm is not there yet') });
    const { failure } = await bench.call('tm/activate', '');
    expect(failure).toMatchObject({ reason: 'unsupported', message: expect.stringContaining('runs on the host itself') });
  });
});

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
