import { describe, expect, it } from 'vitest';
import { expectedVms, FRONT_END } from '../../../controller/inspection/expected.ts';
import { planInspection } from '../../../controller/inspection/plan.ts';
import { datastoreRecord } from '../../../controller/opennebula/action-data.ts';
import {
  type DatastoreInventory,
  imageSources,
  mustSeeAll,
  type VmLocation,
  vmLocations,
} from '../../../controller/opennebula/inventory.ts';
import { readXml } from '../../../controller/opennebula/xml.ts';
import { StorageError } from '../../../runtime/errors.ts';
import { fakeServices, fixture } from '../fake-agents.ts';
import { datastoreXml } from './datastores.ts';

const signal = new AbortController().signal;
const vm = (id: number, more: Partial<VmLocation> = {}): VmLocation => ({
  id,
  state: 3,
  lcmState: 3,
  hostName: 'host01',
  datastoreId: 0,
  ...more,
});

describe('where virtual machines belong', () => {
  const here = { names: new Set(['host01']), isFrontEnd: false };
  const frontEnd = { names: new Set(['frontend']), isFrontEnd: true };
  const both = { names: new Set(['frontend', 'host01']), isFrontEnd: true };
  const answering = new Set(['host01', 'host02', FRONT_END]);
  const placeOf = (one: VmLocation, machine = here, who = answering): string => {
    const { resting, ...lists } = expectedVms([one], 0, machine, who);
    expect(lists.known).toEqual(expect.arrayContaining([...resting]));
    return Object.entries(lists)
      .filter(([, ids]) => ids.length > 0)
      .map(([name]) => name)
      .join();
  };

  it.each<[string, Partial<VmLocation>, string, string, string]>([
    ['running here', {}, 'known', 'elsewhere', 'known'],
    ['running here, named in capitals', { hostName: 'HOST01' }, 'known', 'elsewhere', 'known'],
    ['powered off elsewhere', { state: 8, lcmState: 0, hostName: 'host02' }, 'elsewhere', 'elsewhere', 'elsewhere'],
    ['running in another datastore', { datastoreId: 104 }, 'elsewhere', 'elsewhere', 'elsewhere'],
    ['stopped', { state: 4, lcmState: 0 }, 'elsewhere', 'known', 'known'],
    ['undeployed', { state: 9, lcmState: 0 }, 'elsewhere', 'known', 'known'],
    ['waiting to be resumed', { state: 1, lcmState: 0 }, 'known', 'known', 'known'],
    ['never deployed', { state: 1, lcmState: 0, hostName: undefined, datastoreId: undefined }, 'moving', 'moving', 'moving'],
    ['migrating to here', { lcmState: 4 }, 'known', 'known', 'known'],
    ['migrating away', { lcmState: 8, hostName: 'host02' }, 'moving', 'known', 'known'],
    ['between datastores', { lcmState: 8, datastoreId: 104 }, 'moving', 'moving', 'moving'],
    ['of unknown state on another host', { lcmState: 16, hostName: 'host02' }, 'moving', 'known', 'known'],
    ['in a state of a later OpenNebula', { state: 77, hostName: 'host02' }, 'moving', 'known', 'known'],
    ['on a host that does not answer', { hostName: 'host03' }, 'moving', 'moving', 'moving'],
  ])('%s', (_what, more, onHost, onFrontEnd, onBoth) => {
    expect([placeOf(vm(9, more)), placeOf(vm(9, more), frontEnd), placeOf(vm(9, more), both)]).toEqual([onHost, onFrontEnd, onBoth]);
  });

  it('knows whose directory must be there', () => {
    const vms = [vm(1), vm(2, { lcmState: 4 }), vm(3, { state: 8 }), vm(4, { state: 4 }), vm(5, { hostName: 'host02' })];
    expect(expectedVms(vms, 0, here, answering).resting).toEqual(['1', '3']);
  });

  it('keeps what is stopped while the front-end does not answer', () => {
    expect(placeOf(vm(9, { state: 4 }), here, new Set(['host01']))).toBe('moving');
  });
});

describe('the documents of OpenNebula', () => {
  const xml = (text: string) => readXml(text, 'a test');

  it('gives the last place of each virtual machine', async () => {
    const pool = xml(
      `<VM_POOL>${await fixture('vm-9.xml')}<VM><ID>10</ID><STATE>1</STATE><LCM_STATE>0</LCM_STATE><HISTORY_RECORDS/></VM></VM_POOL>`,
    );
    const [first, second] = vmLocations(pool);
    expect(first).toMatchObject({ id: 9, hostName: expect.any(String), datastoreId: expect.any(Number) });
    expect(second).toEqual({ id: 10, state: 1, lcmState: 0, hostName: undefined, datastoreId: undefined });
    expect(() => vmLocations(xml('<VM_POOL><VM><ID>10</ID></VM></VM_POOL>'))).toThrow('VM/STATE');
    expect(() => vmLocations(xml('<IMAGE_POOL/>'))).toThrow('VM_POOL');
  });

  it('gives the sources of one datastore, and believes no pool that lacks an image', () => {
    const image = (id: number, datastore: number, source: string): string =>
      `<IMAGE><ID>${id}</ID><DATASTORE_ID>${datastore}</DATASTORE_ID><SOURCE>${source}</SOURCE></IMAGE>`;
    const pool = xml(`<IMAGE_POOL>${image(1, 1, '/a')}${image(2, 1, '')}${image(3, 2, '/c')}</IMAGE_POOL>`);
    expect(imageSources(pool, xml('<DATASTORE><ID>1</ID><IMAGES><ID>1</ID><ID>2</ID></IMAGES></DATASTORE>'))).toEqual(['/a']);
    const more = xml('<DATASTORE><ID>1</ID><IMAGES><ID>1</ID><ID>2</ID><ID>4</ID></IMAGES></DATASTORE>');
    expect(() => imageSources(pool, more)).toThrow('OpenNebula does not show image 4 of datastore 1');
  });

  it('is asked by somebody who sees everything', () => {
    for (const ids of ['<ID>0</ID><GID>0</GID>', '<ID>5</ID><GID>0</GID>']) mustSeeAll(xml(`<USER>${ids}</USER>`));
    expect(() => mustSeeAll(xml('<USER><ID>5</ID><GID>1</GID><NAME>ann</NAME></USER>'))).toThrow(
      "OpenNebula's user ann does not see everything",
    );
  });
});

describe('the plan', () => {
  function inventory(xml: string, more: Partial<DatastoreInventory> = {}): DatastoreInventory {
    return { datastore: datastoreRecord(readXml(xml, 'a datastore')), sources: [], vms: [], ...more };
  }
  const services = () => {
    const hosts = { host01: { address: 'host01:2635' }, Host02: { address: 'host02:2635' } };
    const all = fakeServices({ hosts });
    return { ...all, config: { datastores: all.config.datastores, hosts } };
  };
  const names = (plan: Awaited<ReturnType<typeof planInspection>>): string[] => plan.hosts.map(({ host }) => host.name);

  it('asks every machine once, whatever it is called', async () => {
    const all = services();
    all.agents.machines.set('host01', 'one').set('host01.example.org', 'one');
    const plan = await planInspection(inventory(datastoreXml(0, 1), { vms: [vm(9, { hostName: 'host01.example.org' })] }), all, signal);
    expect(plan).toMatchObject({ kind: 'system', unanswered: [] });
    expect(names(plan)).toEqual(['frontend', 'host01', 'host02']);
    expect(plan.hosts.map(({ expected }) => expected.known)).toEqual([[], ['9'], []]);
    expect(plan.hosts.map(({ expected }) => expected.elsewhere)).toEqual([['9'], [], ['9']]);
  });

  it('tells which hosts do not answer, and keeps what may be theirs', async () => {
    const all = services();
    const { machineId } = all.agents;
    all.agents.machineId = (host) =>
      host.name === 'host01' ? Promise.reject(new StorageError('unreachable', 'host01 does not answer')) : machineId(host);
    const plan = await planInspection(inventory(datastoreXml(0, 1), { vms: [vm(9)] }), all, signal);
    expect(plan.unanswered).toEqual([{ type: 'unanswered', host: 'host01', reason: 'unreachable', message: 'host01 does not answer' }]);
    expect(plan.hosts.map(({ expected }) => expected)).toEqual([
      { known: [], elsewhere: [], moving: ['9'], resting: [] },
      { known: [], elsewhere: [], moving: ['9'], resting: [] },
    ]);
  });

  it('asks the front-end for images, or the first bridge that answers', async () => {
    const sources = ['/var/lib/one//datastores/1/aa', '/var/lib/one/datastores/1/bb', '/elsewhere/cc', '/var/lib/one/datastores/2/dd'];
    const plan = await planInspection(inventory(datastoreXml(1, 0), { sources }), services(), signal);
    expect(names(plan)).toEqual(['frontend']);
    expect(plan).toMatchObject({ kind: 'image', hosts: [{ expected: { known: ['aa', 'bb'], elsewhere: [], moving: [], resting: [] } }] });
    const bridged = datastoreXml(1, 0, { BRIDGE_LIST: 'host01 host02' });
    const all = services();
    const { machineId } = all.agents;
    all.agents.machineId = (host) => (host.name === 'host01' ? Promise.reject(new StorageError('unreachable', 'no')) : machineId(host));
    const other = await planInspection(inventory(bridged), all, signal);
    expect([names(other), other.unanswered]).toEqual([['host02'], []]);
    all.agents.machineId = () => Promise.reject(new StorageError('unreachable', 'no'));
    const none = await planInspection(inventory(bridged), all, signal);
    expect([names(none), none.unanswered.map(({ host }) => host)]).toEqual([[], ['host01', 'host02']]);
  });

  it.each([
    ['a shared system datastore', datastoreXml(0, 1, { SHARED: 'YES' }), 'TM_MAD local'],
    ['one that does not say', datastoreXml(0, 1, { SHARED: '' }), 'TM_MAD local'],
    ['ceph', datastoreXml(0, 1).replace('[local]', '[ceph]'), 'TM_MAD ceph'],
    ['images in ceph', datastoreXml(1, 0).replace('[fs]', '[ceph]'), 'DS_MAD ceph'],
    ['backups', datastoreXml(1, 3), 'neither images nor virtual machines'],
  ])('refuses %s', async (_what, xml, text) => {
    const refused = planInspection(inventory(xml), services(), signal);
    await expect(refused).rejects.toMatchObject({ reason: 'unsupported', message: expect.stringContaining(text) });
  });
});
