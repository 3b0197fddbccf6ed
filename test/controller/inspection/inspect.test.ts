import { describe, expect, it } from 'vitest';
import type { InspectionEvent } from '../../../controller/inspection/events.ts';
import { inspector } from '../../../controller/inspection/inspect.ts';
import { datastoreRecord } from '../../../controller/opennebula/action-data.ts';
import type { DatastoreInventory, VmLocation } from '../../../controller/opennebula/inventory.ts';
import { readXml } from '../../../controller/opennebula/xml.ts';
import { StorageError } from '../../../runtime/errors.ts';
import { fakeServices } from '../fake-agents.ts';
import { datastoreXml } from './datastores.ts';

const at = (id: number, hostName: string): VmLocation => ({ id, state: 3, lcmState: 3, hostName, datastoreId: 0 });
const finding = (problem: string, path: string, movable = true) => ({
  problem,
  place: { datastoreId: 0, path },
  text: 'a text',
  allocatedBytes: 4096,
  modifiedUnixMs: 1,
  movable,
});

/** `reads`: what OpenNebula says, the first and every further time. */
function bench(...reads: readonly VmLocation[][]) {
  const services = fakeServices({ hosts: { host01: { address: 'host01:1' }, host02: { address: 'host02:1' } } });
  const datastore = datastoreRecord(readXml(datastoreXml(0, 1), 'a datastore'));
  let read = 0;
  const inventory = {
    read: async (): Promise<DatastoreInventory> => ({ datastore, sources: [], vms: reads[Math.min(read++, reads.length - 1)] ?? [] }),
  };
  const inspect = inspector({
    ...services,
    config: { datastores: '/ds', hosts: { host01: { address: '' }, host02: { address: '' } } },
    inventory,
    reattachMs: 1000,
  });
  const run = async (repair = false, signal = new AbortController().signal): Promise<InspectionEvent[]> => {
    const events: InspectionEvent[] = [];
    for await (const event of inspect(0, { repair }, signal)) events.push(event);
    return events;
  };
  const moves = () => services.agents.calls.filter(({ method }) => method === 'Inspections/Quarantine');
  return { agents: services.agents, run, moves };
}

describe('an inspection', () => {
  it('tells each host what belongs to it, and passes on what it finds', async () => {
    const { agents, run, moves } = bench([at(9, 'host01')]);
    agents.findings = (host) => (host === 'host02' ? [finding('left_behind_vm', '9'), finding('unknown_file', 'x', false)] : []);
    const events = await run();
    expect(events.map((event) => [event.type, event.host, event.type === 'finding' ? event.path : ''])).toEqual([
      ['looked', 'frontend', ''],
      ['looked', 'host01', ''],
      ['finding', 'host02', '9'],
      ['finding', 'host02', 'x'],
      ['looked', 'host02', ''],
    ]);
    const told = agents.calls.map(({ host, request }) => [host, request['kind'], request['known'], request['elsewhere']]);
    expect(told).toEqual([
      ['frontend', 'system', [], ['9']],
      ['host01', 'system', ['9'], []],
      ['host02', 'system', [], ['9']],
    ]);
    expect(moves()).toEqual([]);
  });

  it('goes on when a host fails in the middle', async () => {
    const { agents, run } = bench([]);
    agents.findings = (host) => {
      if (host === 'host01') throw new StorageError('unreachable', 'host01 has gone');
      return [];
    };
    expect((await run()).map((event) => `${event.type} ${event.host}`)).toEqual(['looked frontend', 'unanswered host01', 'looked host02']);
  });

  it('keeps what may be the only copy', async () => {
    const { agents, run, moves } = bench([at(9, 'host01')]);
    agents.findings = (host) => {
      if (host === 'host01') return [finding('missing_vm', '9', false)];
      return host === 'host02' ? [finding('left_behind_vm', '9')] : [];
    };
    const text = 'a text, where its directory was not seen: this may be the only copy';
    expect(await run(true)).toMatchObject([
      { host: 'frontend' },
      { problem: 'missing_vm', host: 'host01' },
      { host: 'host01' },
      { problem: 'left_behind_vm', movable: false, text },
      { host: 'host02' },
    ]);
    agents.findings = (host) => {
      if (host === 'host01') throw new StorageError('unreachable', 'host01 has gone');
      return host === 'host02' ? [finding('left_behind_vm', '9')] : [];
    };
    expect(await run(true)).toContainEqual(expect.objectContaining({ problem: 'left_behind_vm', movable: false, text }));
    expect(moves()).toEqual([]);
  });

  it('neither misses the directory of a machine that is on its way nor wonders about names in it', async () => {
    const { agents, run } = bench([{ ...at(9, 'host01'), lcmState: 8 }]);
    const names = ['9/disk.0.migrating', '9/backup'].map((name) => finding('unended_migration', name, false));
    agents.findings = (host) => (host === 'host01' ? [finding('missing_vm', '9', false), ...names] : []);
    expect((await run()).map(({ type }) => type)).toEqual(['looked', 'looked', 'looked']);
  });

  it('sets aside what may be, and says where to', async () => {
    const { agents, run, moves } = bench([at(9, 'host01')]);
    agents.findings = (host) =>
      host === 'host02' ? [finding('unknown_vm', '7'), finding('left_behind_vm', '9'), finding('broken_chain', '8/disk.0', false)] : [];
    const events = await run(true);
    expect(moves().map(({ host, request }) => [host, request['place']])).toEqual([
      ['host02', { datastoreId: 0, path: '7' }],
      ['host02', { datastoreId: 0, path: '9' }],
    ]);
    const [first] = moves().map(({ request }) => request['operation'] as { operationId: string });
    expect(events.slice(-2)).toMatchObject([
      { type: 'moved', host: 'host02', path: '7', to: `.quarantine/${first?.operationId}/7` },
      { type: 'moved', host: 'host02', path: '9' },
    ]);
  });

  it('asks OpenNebula again before it moves anything', async () => {
    const { agents, run, moves } = bench([at(9, 'host01')], [at(9, 'host02'), at(7, 'host02')]);
    agents.findings = (host) =>
      host === 'host02' ? [finding('unknown_vm', '7'), finding('left_behind_vm', '9'), finding('temporary_file', '5/.onestorage.a.b')] : [];
    const events = await run(true);
    expect(events.slice(-3)).toMatchObject([
      { type: 'kept', path: '7', message: 'OpenNebula has it now' },
      { type: 'kept', path: '9' },
      { type: 'moved', path: '5/.onestorage.a.b' },
    ]);
    expect(moves()).toHaveLength(1);
  });

  it('tells why something stays, and goes on', async () => {
    const { agents, run } = bench([]);
    agents.findings = (host) => (host === 'host01' ? [finding('unknown_vm', '7'), finding('unknown_vm', '8')] : []);
    agents.behave = ({ request }) => {
      if ((request['place'] as { path: string }).path === '7') throw new StorageError('in_use', 'process 5 has it open');
      return { format: '', sizeBytes: 0, md5: '' };
    };
    expect((await run(true)).slice(-2)).toMatchObject([
      { type: 'kept', path: '7', reason: 'in_use', message: 'process 5 has it open (on host01)' },
      { type: 'moved', path: '8' },
    ]);
  });

  it('moves nothing more once its caller has gone', async () => {
    const { agents, run, moves } = bench([]);
    const gone = new AbortController();
    agents.findings = () => [finding('unknown_vm', '7')];
    agents.behave = () => {
      gone.abort(new StorageError('cancelled', 'gone'));
      return { format: '', sizeBytes: 0, md5: '' };
    };
    await expect(run(true, gone.signal)).rejects.toMatchObject({ reason: 'cancelled' });
    expect(moves()).toHaveLength(1);
  });
});
