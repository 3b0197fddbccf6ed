import { describe, expect, it } from 'vitest';
import { type ControllerConfig, controllerConfig } from '../../../controller/config.ts';
import { hostDirectory } from '../../../controller/hosts/directory.ts';
import { askHosts, configuredHosts } from '../../../controller/looks/ask-hosts.ts';
import { lookAtDatastores } from '../../../controller/looks/datastores.ts';
import { lookAtHosts } from '../../../controller/looks/hosts.ts';
import { storyOf } from '../../../controller/looks/story.ts';
import { lookAtVms } from '../../../controller/looks/vms.ts';
import { datastoreSummaries, hostSummaries, pagesOf, type VmSummary } from '../../../controller/opennebula/overview.ts';
import { stateName } from '../../../controller/opennebula/vm-states.ts';
import { readXml } from '../../../controller/opennebula/xml.ts';
import type { OperationRecord__Output } from '../../../proto/gen/onestorage/v1/OperationRecord.ts';
import { recordedVm } from '../fake-agents.ts';
import { FakeLooks } from './fake-looks.ts';

const signal = new AbortController().signal;
const hostsOf = (...names: string[]): ControllerConfig['hosts'] =>
  Object.fromEntries(names.map((name) => [name, { address: `${name}:2635` }]));

function site(names = ['host01', 'host02']) {
  const config = controllerConfig.parse({ front_end: { names: ['frontend'], address: 'frontend:2635' }, hosts: hostsOf(...names) });
  return { config, hosts: hostDirectory(config), agents: new FakeLooks() };
}

const datastore = (id: number, type: number, dsMad: string, tmMad: string, more = ''): string =>
  `<DATASTORE><ID>${id}</ID><NAME>ds${id}</NAME><TYPE>${type}</TYPE><DS_MAD>${dsMad}</DS_MAD><TM_MAD>${tmMad}</TM_MAD>` +
  `<CLUSTERS><ID>0</ID></CLUSTERS><TEMPLATE>${more}</TEMPLATE></DATASTORE>`;
const pool = datastoreSummaries(
  readXml(
    `<DATASTORE_POOL>${datastore(1, 0, 'fs', 'ssh')}${datastore(106, 0, 'agent_fs', 'agent_local', '<BRIDGE_LIST>host02</BRIDGE_LIST>')}` +
      `${datastore(107, 1, '-', 'agent_local')}${datastore(108, 1, '-', 'agent_ceph')}</DATASTORE_POOL>`,
    'pool',
  ),
);
const oneHosts = hostSummaries(
  readXml(
    `<HOST_POOL>${['host01', 'host02', 'host03', 'host04']
      .map(
        (name, id) => `<HOST><NAME>${name}</NAME><STATE>${id === 3 ? 8 : 2}</STATE><CLUSTER_ID>${id === 2 ? 100 : 0}</CLUSTER_ID></HOST>`,
      )
      .join('')}</HOST_POOL>`,
    'pool',
  ),
);

describe('hosts', () => {
  it('are the front-end and the configured ones, each once', () => {
    const { config, hosts } = site(['frontend', 'host01']);
    expect(configuredHosts(config, hosts).map(({ name }) => name)).toEqual(['frontend', 'host01']);
  });

  it('are told of whether they answer or not', async () => {
    const { config, hosts, agents } = site();
    agents.refused.add('host01');
    for (const name of ['frontend', 'host02']) agents.checks.set(name, { missingPrograms: ['virsh (Debian: libvirt-clients)'] });
    expect(await lookAtHosts({ config, hosts, agents }, signal)).toMatchObject([
      { name: 'frontend', frontEnd: true, agent: { missingPrograms: [] }, failure: undefined },
      { name: 'host01', frontEnd: false, agent: undefined, failure: { reason: 'unreachable' } },
      { name: 'host02', agent: { machineId: 'machine-of-host02', missingPrograms: ['virsh (Debian: libvirt-clients)'] } },
    ]);
  });

  it('are not all asked at once, and keep their order', async () => {
    const names = Array.from({ length: 100 }, (_, index) => `host${index}`);
    const { hosts } = site(names);
    let now = 0;
    let most = 0;
    const ask = async ({ name }: { readonly name: string }): Promise<string> => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
      return name;
    };
    const answers = await askHosts(names.map(hosts.find), ask, signal);
    expect(answers.map(({ value }) => value)).toEqual(names);
    expect(most).toBe(32);
  });

  it('do not wait for one that is dead', async () => {
    const { config, hosts, agents } = site();
    agents.dead.add('host01');
    const answers = await askHosts(configuredHosts(config, hosts), (host, each) => agents.check(host, each), signal, 20);
    expect(answers.map(({ value, failure }) => value?.hostName ?? failure?.message)).toEqual([
      'frontend',
      'host01 (host01:2635) does not answer within 0.02 s',
      'host02',
    ]);
  });
});

describe('datastores', () => {
  it('have a part on each host of their clusters, or on their bridges', async () => {
    const { hosts, agents } = site();
    agents.markers.set('host01', 'agent_local');
    agents.refused.add('host02');
    const overview = { datastores: async () => pool, hosts: async () => oneHosts };
    expect(await lookAtDatastores({ overview, hosts, agents }, signal)).toMatchObject([
      { id: 106, type: 'image', drivers: ['agent_fs', 'agent_local'], parts: [{ host: 'host02', space: undefined }] },
      {
        id: 107,
        type: 'system',
        drivers: ['agent_local'],
        parts: [
          { host: 'host01', marker: 'agent_local', space: { totalBytes: 100, usedBytes: 107 } },
          { host: 'host02', marker: undefined, failure: { reason: 'unreachable' } },
        ],
      },
      { id: 108, drivers: ['agent_ceph'], parts: [] },
    ]);
  });
});

describe('machines', () => {
  const at = (hostName: string, datastoreId: number) => [{ sequence: 0, hostName, datastoreId, tmMad: 'agent_local' }];

  async function machine(id: number, state: number, history: VmSummary['history']): Promise<VmSummary> {
    return { ...(await recordedVm({ id, state, lcmState: 3, history })), name: `vm${id}` };
  }

  it('are looked for where they must be', async () => {
    const { hosts, agents } = site();
    const vms = [
      await machine(9, 3, at('host01', 107)),
      await machine(7, 9, at('host01', 107)),
      await machine(8, 8, at('host02', 107)),
      await machine(6, 3, at('host01', 0)),
      await machine(5, 1, []),
    ];
    agents.files.set('host01:107/9', { type: 'directory', bytes: 4096 });
    agents.files.set('host01:107/9/disk.0', { type: 'file', bytes: 1234 });
    agents.refused.add('host02');
    const overview = { datastores: async () => pool, vms: async () => vms, vm: async () => vms[0]! };
    const found = await lookAtVms(undefined, { overview, hosts, agents }, signal);
    expect(found).toMatchObject([
      { id: 7, state: 'UNDEPLOYED', host: 'frontend', present: false, directory: '/var/lib/one/datastores/107/7' },
      { id: 8, state: 'POWEROFF', host: 'host02', present: undefined, directory: undefined, failure: { reason: 'unreachable' } },
      { id: 9, state: 'RUNNING', host: 'host01', present: true },
    ]);
    expect(found[2]?.disks[0]).toMatchObject({ id: 0, allocatedBytes: 1234 });
    expect(found[2]?.disks[1]?.allocatedBytes).toBeUndefined();
    expect((await lookAtVms(9, { overview, hosts, agents }, signal)).map(({ id }) => id)).toEqual([9]);
  });

  it('come in pages, each once', async () => {
    const element = (...ids: number[]) =>
      readXml(`<VM_POOL>${ids.map((id) => `<VM><ID>${id}</ID><STATE>3</STATE><LCM_STATE>3</LCM_STATE></VM>`).join('')}</VM_POOL>`, 'pool');
    const asked: number[] = [];
    const pages = [element(1, 2), element(2, 3), element(4)];
    const vms = await pagesOf(async (first) => {
      asked.push(first);
      return pages[first / 2] ?? element();
    }, 2);
    expect(vms.map(({ id }) => id)).toEqual([1, 2, 3, 4]);
    expect(asked).toEqual([0, 2, 4]);
  });

  it.each([
    [3, 3, 'RUNNING'],
    [3, 8, 'PROLOG_MIGRATE'],
    [3, 62, 'DISK_RESIZE'],
    [3, 71, 'RESTORE'],
    [3, 99, 'LCM 99'],
    [8, 0, 'POWEROFF'],
    [11, 0, 'CLONING_FAILURE'],
    [7, 0, 'STATE 7'],
  ])('state %i %i is %s', (state, lcmState, name) => expect(stateName(state, lcmState)).toBe(name));
});

describe('the story of an operation', () => {
  const wire = (operationId: string, createdUnixMs: number): OperationRecord__Output => ({
    operationId,
    kind: 'transfer.receive',
    subject: 'mv of VM 9',
    state: 'failed',
    attempt: 1,
    committed: false,
    step: '',
    progress: null,
    figures: null,
    createdUnixMs,
    finishedUnixMs: createdUnixMs + 5,
    failure: { reason: 'no_space', message: 'full' },
  });

  it('is what its hosts know of it, oldest first', async () => {
    const { config, hosts, agents } = site();
    agents.records_.set('host01', [wire('action-1.remove', 20), wire('action-2.receive', 1)]);
    agents.records_.set('frontend', [wire('action-1.receive.2', 10)]);
    agents.refused.add('host02');
    const services = { get: () => undefined, lines: () => [], hosts: configuredHosts(config, hosts), agents };
    const story = await storyOf('action-1', services, signal);
    expect(story.parts.map(({ id, host }) => `${host} ${id}`)).toEqual(['frontend action-1.receive.2', 'host01 action-1.remove']);
    expect(story.parts[0]).toMatchObject({ step: undefined, finishedAt: 15, failure: { reason: 'no_space' } });
    expect(story.unanswered).toMatchObject([{ host: 'host02' }]);
    expect((await storyOf('action-1.remove', services, signal)).parts).toHaveLength(2);
    await expect(storyOf('action-3', services, signal)).rejects.toThrow('host02 could not be asked');
  });
});
