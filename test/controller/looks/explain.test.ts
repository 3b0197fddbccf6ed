import { expect, it } from 'vitest';
import { explain } from '../../../controller/looks/explain.ts';
import type { ActiveAction } from '../../../controller/operations/supersede.ts';
import { StorageError } from '../../../runtime/errors.ts';
import { bytes } from '../../../runtime/units.ts';
import type { ActionName } from '../../../shims/actions.ts';
import { base64, fakeServices, fixture, recordedVm } from '../fake-agents.ts';
import { input, listing } from '../flows/backup-documents.ts';
import { FakeLooks } from './fake-looks.ts';

const signal = new AbortController().signal;
const DS = '/var/lib/one//datastores';

function bench(active: readonly ActiveAction[] = []) {
  const actions = fakeServices();
  const agents = new FakeLooks();
  const call = (action: ActionName, words: string, stdin = '', driver = action.startsWith('ds/') ? 'agent_fs' : 'agent_local') =>
    explain({ action, driver, suffix: undefined, argv: words.split(' '), stdin }, { actions, agents, active: () => active }, signal);
  return { actions, agents, call };
}

it('tells the steps of a move in their order, and starts none of them', async () => {
  const { actions, agents, call } = bench();
  agents.files.set('host01:107/9', { type: 'directory', bytes: 4096 });
  const layer = { id: 0, allocated: bytes(10) };
  actions.agents.sizes = [
    { id: 8, disks: [{ id: 0, allocated: bytes(1), snapshots: [] }] },
    { id: 9, disks: [0, 1].map((id) => ({ id, allocated: bytes(20), snapshots: [layer] })) },
  ];
  actions.openNebula.vm_ = await recordedVm({ id: 9 });
  const found = await call('tm/mv', `host01:${DS}/107/9 host02:${DS}/107/9 9 107`);
  expect(found).toMatchObject({
    subject: expect.stringMatching(/^mv of VM 9\b/),
    class: 'move',
    locks: ['vm:9'],
    hosts: ['frontend', 'host01', 'host02'],
    steps: [
      {
        method: 'Transfers/Receive',
        host: 'host02',
        source: { host: 'host01', place: '107/9', there: true, bytes: 40 },
        target: { host: 'host02', place: '107/9', there: false },
        space: { host: 'host02', datastoreId: 107, needsBytes: 40, freeBytes: 50 },
      },
      { method: 'Disks/Remove', host: 'host01', target: { place: '107/9' } },
    ],
    commitsBefore: 1,
    failure: undefined,
  });
  // Of the agents nothing is asked but how large it is.
  expect(actions.agents.calls).toMatchObject([{ method: 'Hosts/DiskSizes' }]);
});

it('says beforehand that there is no space', async () => {
  const { actions, agents, call } = bench();
  agents.files.set('host01:107/9', { type: 'directory', bytes: 4096 });
  actions.agents.sizes = [{ id: 9, disks: [{ id: 0, allocated: bytes(2048), snapshots: [] }] }];
  actions.openNebula.vm_ = await recordedVm({ id: 9 });
  const { failure } = await call('tm/mv', `host01:${DS}/107/9 host02:${DS}/107/9 9 107`);
  expect(failure).toEqual({ reason: 'no_space', message: 'no space left in datastore 107 on host02 (needs 2.0 KiB, has 50 B)' });
});

it('names what would be given up, and what size it has', async () => {
  const { agents, call } = bench([
    { id: 'older', action: 'tm/clone', targets: ['107/9/disk.0'] },
    { id: 'other', action: 'tm/clone', targets: ['107/8/disk.0'] },
  ]);
  agents.files.set('host01:107/9/disk.0', { type: 'file', bytes: 77 });
  const found = await call('tm/delete', `host01:${DS}/107/9/disk.0 9 107`);
  expect(found).toMatchObject({ supersedes: ['older'], commitsBefore: 0, steps: [{ target: { bytes: 77, there: true } }] });
});

it('knows the disk of a snapshot and the origin of an image', async () => {
  const { actions, call } = bench();
  actions.openNebula.vm_ = await recordedVm({ id: 9 });
  const disk = actions.openNebula.vm_.disks[0]?.diskId;
  const snapshot = await call('tm/snap_create', `host01:${DS}/107/9/disk.${disk} 0 9 106`);
  expect(snapshot.steps).toMatchObject([{ method: 'Snapshots/Create', target: { place: `107/9/disk.${disk}` } }]);
  const image = await call('ds/cp', '35', base64(await fixture('cp.action.xml')));
  expect(image.steps).toMatchObject([
    { method: 'Images/Import', host: 'frontend', origin: expect.stringContaining('/'), source: undefined },
  ]);
});

it('makes no images and no template for a restore', async () => {
  const { actions, call } = bench();
  actions.agents.listing = listing();
  expect(await call('ds/restore', '11', base64(await input('restore')), 'agent_restic')).toMatchObject({ failure: undefined });
  expect([actions.orders.images, actions.orders.templates]).toEqual([[], []]);
});

it('says why it would fail, and refuses what the call itself would refuse', async () => {
  const { actions, call } = bench();
  actions.openNebula.vm_ = await recordedVm({ id: 10 });
  expect(await call('tm/clone', `frontend:${DS}/106/abc host01:${DS}/107/9/disk.0 9 106`)).toMatchObject({
    steps: [],
    failure: { reason: 'not_found' },
  });
  await expect(call('tm/delete', `host01:${DS}/107/9/disk.0`)).rejects.toMatchObject({ reason: 'bad_argument' });
  await expect(call('tm/delete', 'host01:/etc/passwd 9 107')).rejects.toMatchObject({ reason: 'outside_datastore' });
});

it('takes hosts that do not say which machine they are for different ones', async () => {
  const { actions, call } = bench();
  actions.openNebula.vm_ = await recordedVm({ id: 9 });
  actions.agents.machineId = () => Promise.reject(new StorageError('unreachable', 'host02 does not answer'));
  const found = await call('tm/mv', `host01:${DS}/107/9 host02:${DS}/107/9 9 107`);
  expect(found.remarks).toEqual(['host02 does not answer: taken for two different hosts']);
  expect(found.steps).toHaveLength(2);
});
