import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentResult } from '../../../controller/hosts/follow.ts';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import { type Bench, openBench } from '../call.ts';
import { base64, fixture, type SeenCall } from '../fake-agents.ts';

const DS = '/var/lib/one//datastores';
const CLONE = `frontend:${DS}/106/1a39 node1:${DS}/107/9/disk.0 9 106`;
const NOTHING: AgentResult = { format: '', sizeBytes: 0, md5: '' };
const OK = { stdout: '', failure: undefined };

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

/** Agents that work until they are told to finish, or cancelled. Resolves `begun` at the first call of the method. */
function hold(method: string) {
  const begun = Promise.withResolvers<SeenCall>();
  const go = Promise.withResolvers<void>();
  bench.agents.behave = async (call, signal) => {
    if (call.method !== method) return NOTHING;
    begun.resolve(call);
    await Promise.race([
      go.promise,
      new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(asStorageError(signal.reason)), { once: true })),
    ]);
    return NOTHING;
  };
  return { begun: begun.promise, finish: () => go.resolve() };
}

describe('Actions', () => {
  it('attaches to a call with the same key, and gives the recorded outcome afterwards', async () => {
    const work = hold('Transfers/Receive');
    const first = bench.call('tm/clone', CLONE, '', 'the-same-key');
    await work.begun;
    const second = bench.call('tm/clone', CLONE, '', 'the-same-key');
    work.finish();
    expect([await first, await second, await bench.call('tm/clone', CLONE, '', 'the-same-key')]).toEqual([OK, OK, OK]);
    expect(bench.seen()).toEqual(['frontend Transfers/Open', 'node1 Transfers/Receive']);
  });

  it('a cancel stops the agent before the call ends', async () => {
    const work = hold('Transfers/Receive');
    const call = bench.call('tm/clone', CLONE, '', 'to-be-cancelled');
    await work.begun;
    expect(bench.actions.cancel('to-be-cancelled', 'the caller gave up')).toBe(true);
    expect(await call).toEqual({ stdout: '', failure: { reason: 'cancelled', message: 'clone: the caller gave up' } });
    expect(bench.seen().slice(2)).toEqual(['node1 Operations/Cancel']);
    expect(bench.request('Operations/Cancel')).toEqual({ operationId: 'to-be-cancelled.receive' });
    expect(await bench.agents.running({ name: 'node1', address: '', expect: {} }, new AbortController().signal)).toEqual([]);
    expect(bench.actions.get('to-be-cancelled')?.state).toBe('cancelled');
    expect(bench.actions.cancel('to-be-cancelled', 'again')).toBe(false);
    expect(bench.actions.cancel('never-heard-of', 'why')).toBe(false);
  });

  it('a delete gives up the clone below it, waits for its end, then deletes', async () => {
    const work = hold('Transfers/Receive');
    const clone = bench.call('tm/clone', CLONE);
    await work.begun;
    expect(await bench.call('tm/delete', `node1:${DS}/107/9 9 107`)).toEqual(OK);
    expect((await clone).failure).toMatchObject({
      reason: 'superseded',
      message: expect.stringContaining('given up for a later action: delete of VM 9'),
    });
    expect(bench.seen()).toEqual(['frontend Transfers/Open', 'node1 Transfers/Receive', 'node1 Operations/Cancel', 'node1 Disks/Remove']);
  });

  it('another action on the same VM waits its turn; another VM does not', async () => {
    const work = hold('Transfers/Receive');
    const clone = bench.call('tm/clone', CLONE);
    await work.begun;
    const swap = bench.call('tm/mkswap', `16 node1:${DS}/107/9/disk.3 9 107`);
    expect(await bench.call('tm/mkswap', `16 node1:${DS}/107/10/disk.3 10 107`)).toEqual(OK);
    expect(bench.seen().filter((one) => one.endsWith('Disks/Create'))).toHaveLength(1);
    work.finish();
    expect([await clone, await swap]).toEqual([OK, OK]);
    expect(bench.lines.some((line) => line.startsWith('info waits for operation'))).toBe(true);
  });

  it('one that waits too long ends with a line that names what it waits for', async () => {
    const short = await openBench({ deadlines: { wait_seconds: 0.05 } });
    const before = bench;
    bench = short;
    const work = hold('Transfers/Receive');
    const clone = bench.call('tm/clone', CLONE, '', 'the-holder');
    await work.begun;
    expect((await bench.call('tm/mkswap', `16 node1:${DS}/107/9/disk.3 9 107`)).failure).toEqual({
      reason: 'busy',
      message: 'mkswap: waited 50 ms for vm:9; under way: clone of disk 0 of VM 9 (operation the-holder)',
    });
    work.finish();
    expect(await clone).toEqual(OK);
    await before.close();
  });

  it('a stream that breaks is taken up again with the same operation', async () => {
    bench.agents.breaks = 2;
    expect(await bench.call('tm/delete', `node1:${DS}/107/9 9 107`, '', 'broken-stream')).toEqual(OK);
    expect(bench.seen()).toEqual(['node1 Disks/Remove']);
    expect(bench.lines.some((line) => line.startsWith('warn the agent of node1 went away'))).toBe(true);
  });

  it('a host that is down fails at once, with its name', async () => {
    bench.agents.start = () => {
      throw new StorageError('unreachable', 'node1 (node1:2635) does not answer');
    };
    expect((await bench.call('tm/delete', `node1:${DS}/107/9 9 107`)).failure).toEqual({
      reason: 'unreachable',
      message: 'delete: node1 (node1:2635) does not answer (check that the host is up and onestorage-agent runs on it)',
    });
    expect(bench.seen()).toEqual([]);
  });

  it('goes on after a restart of the controller, and the shim finds it again', async () => {
    const work = hold('Transfers/Receive');
    void bench.call('tm/mv', `node1:${DS}/107/9 node2:${DS}/107/9 9 107`, '', 'over-a-restart');
    await work.begun;
    bench = bench.restart();
    bench.operations.recover();
    const again = bench.call('tm/mv', `node1:${DS}/107/9 node2:${DS}/107/9 9 107`, '', 'over-a-restart');
    work.finish();
    expect(await again).toEqual(OK);
    // One receive, no second ticket: the agent had gone on.
    expect(bench.seen()).toEqual(['node1 Transfers/Open', 'node2 Transfers/Receive', 'node1 Disks/Remove']);
  });

  it('after a restart a delete still supersedes what is under way', async () => {
    const work = hold('Transfers/Receive');
    void bench.call('tm/clone', CLONE, '', 'older-than-this-run');
    await work.begun;
    bench = bench.restart();
    bench.operations.recover();
    await expect.poll(() => bench.actions.underWay().map(({ id }) => id)).toEqual(['older-than-this-run']);
    expect(await bench.call('tm/delete', `node1:${DS}/107/9 9 107`)).toEqual(OK);
    expect(bench.seen()).toContain('node1 Operations/Cancel');
    expect(bench.actions.get('older-than-this-run')?.state).toBe('cancelled');
  });

  it('keeps no secret when the action has ended', async () => {
    const stdin = base64((await fixture('cp.action.xml')).replace('<SAFE_DIRS>', '<PASSWORD>hunter2secret</PASSWORD><SAFE_DIRS>'));
    bench.agents.behave = () => ({ format: 'raw', sizeBytes: 1, md5: '' });
    expect((await bench.call('ds/cp', '45', stdin, 'key-with-secret')).failure).toBeUndefined();
    bench.operations.stop();
    const database = new DatabaseSync(bench.journal, { readOnly: true });
    const row = database.prepare("SELECT input FROM operation WHERE id = 'key-with-secret'").get();
    database.close();
    expect(String(row?.['input'])).not.toContain(stdin.slice(0, 40));
    bench = await openBench();
  });

  it('refuses drivers that are not ours, or not ready', async () => {
    const request = { key: 'some-key', action: 'tm/clone', suffix: undefined, driver: 'ssh', argv: CLONE.split(' '), stdin: '' } as const;
    const sink = { log: () => undefined };
    expect((await bench.actions.run(request, sink)).failure).toEqual({
      reason: 'bad_argument',
      message: 'clone: tm/ssh is not a driver of onestorage',
    });
    expect((await bench.actions.run({ ...request, driver: 'agent_ceph' }, sink)).failure?.reason).toBe('unsupported');
    expect((await bench.actions.run({ ...request, driver: 'agent_local', suffix: 'ceph' }, sink)).failure?.reason).toBe('unsupported');
    expect((await bench.actions.run({ ...request, driver: 'agent_local', suffix: 'ssh' }, sink)).failure).toBeUndefined();
    expect(bench.request('Transfers/Receive')['disk']).toMatchObject({ monitor: 'ssh' });
  });
});
