import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StorageError } from '../../../runtime/errors.ts';
import { type Bench, openBench } from '../call.ts';
import { base64 } from '../fake-agents.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

const DATASTORE =
  '<DATASTORE><ID>108</ID><BASE_PATH>/var/lib/one//datastores/108</BASE_PATH><TEMPLATE><BRIDGE_LIST>b1</BRIDGE_LIST></TEMPLATE></DATASTORE>';

describe('monitor of a shared system datastore', () => {
  it('succeeds though the sizes of its disks cannot be told', async () => {
    const document = (more: string) => base64(`<DS_DRIVER_ACTION_DATA>${DATASTORE}${more}</DS_DRIVER_ACTION_DATA>`);
    const monitor = (stdin_: string) =>
      bench.actions.run(
        { key: randomUUID(), action: 'tm/monitor', suffix: undefined, driver: 'agent_shared', argv: ['108'], stdin: stdin_ },
        { log: (level, text) => bench.lines.push(`${level} ${text}`) },
      );
    const space = { stdout: 'USED_MB=5 TOTAL_MB=10 FREE_MB=5', failure: undefined };
    expect(await monitor(document('<MONITOR_VM_DISKS>0</MONITOR_VM_DISKS>'))).toEqual(space);
    expect(bench.seen()).toEqual(['b1 Hosts/Usage']);
    expect(bench.request('Hosts/Usage')).toEqual({ datastoreId: 108, create: false });
    bench.agents.behave = () => Promise.reject(new StorageError('storage_failed', 'b1 cannot read it'));
    expect(await monitor(document('<MONITOR_VM_DISKS>1</MONITOR_VM_DISKS>'))).toEqual(space);
    expect(bench.lines).toEqual(['warn the sizes of disks in datastore 108 were not told to onemonitord: b1 cannot read it']);
    bench.agents.marker = 'ssh';
    expect(await monitor(document('<MONITOR_VM_DISKS>1</MONITOR_VM_DISKS>'))).toEqual(space);
    expect(bench.seen().filter((call) => call.endsWith('DiskSizes'))).toHaveLength(1);
  });

  it('is all that its driver can do yet', async () => {
    const call = { key: randomUUID(), suffix: undefined, driver: 'agent_shared', argv: [], stdin: '' };
    expect((await bench.actions.run({ ...call, action: 'tm/clone' }, { log: () => undefined })).failure).toEqual({
      reason: 'unsupported',
      message: 'clone: the driver agent_shared cannot do tm/clone yet',
    });
  });
});
