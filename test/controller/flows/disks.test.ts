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
