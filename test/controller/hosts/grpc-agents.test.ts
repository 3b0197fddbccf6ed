import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Host } from '../../../controller/hosts/directory.ts';
import { follow } from '../../../controller/hosts/follow.ts';
import { grpcAgents } from '../../../controller/hosts/grpc-agents.ts';
import { StorageError } from '../../../runtime/errors.ts';
import { createLogger } from '../../../runtime/log.ts';
import { type Service, startService } from '../../../runtime/service.ts';
import { testIdentity } from '../../helpers/pki.ts';

const figures = { movedBytes: 1, skippedBytes: 0, verifiedBytes: 0, processes: 0 };
const signal = new AbortController().signal;
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A real service with two real methods of an agent. */
async function agent(
  hostName: string,
  machineId = `machine-of-${hostName}`,
): Promise<{ host: Host; service: Service; removed: unknown[] }> {
  const removed: unknown[] = [];
  const refuse = (): Promise<never> => Promise.reject(new StorageError('unsupported', 'not in this test'));
  const service = await startService({
    address: '127.0.0.1:0',
    identity: await testIdentity('agent', { hostName, machineId }),
    log: createLogger('test', 'silent'),
    rights: {
      'Hosts/Describe': ['controller'],
      'Hosts/Usage': ['controller'],
      'Hosts/Check': ['controller'],
      'Hosts/Stat': ['controller'],
      'Hosts/DiskSizes': ['controller'],
      'Disks/Create': ['controller'],
      'Disks/Resize': ['controller'],
      'Disks/Remove': ['controller'],
      'Disks/CreateContext': ['controller'],
    },
    implementations: {
      Hosts: {
        Describe: ({ brief }) =>
          brief ? Promise.resolve({ hostName, machineId, version: '0', programs: [], datastores: '/x' }) : refuse(),
        Usage: ({ datastoreId }) => Promise.resolve({ totalBytes: 2 ** 45, usedBytes: datastoreId, freeBytes: 0 }),
        Check: refuse,
        Stat: refuse,
        DiskSizes: async (_request, _call, send) => {
          await send({
            vms: [{ vmId: 9, disks: [{ diskId: 0, allocatedBytes: 2 ** 40, snapshots: [{ snapshotId: 11, allocatedBytes: 5 }] }] }],
          });
          await send({ vms: [{ vmId: 10, disks: [] }] });
        },
      },
      Disks: {
        Create: refuse,
        Resize: refuse,
        CreateContext: refuse,
        Remove: async (request, _call, send) => {
          removed.push(request.target, request.operation?.operationId);
          await send({ log: { level: 'info', text: 'removing' } });
          await send({ outcome: { result: { format: '', sizeBytes: 3, md5: '' }, figures } });
        },
      },
    },
  });
  ends.push(service.stop);
  return { host: { name: hostName, address: `127.0.0.1:${service.port}`, expect: { hostName } }, service, removed };
}

async function calls() {
  const agents = grpcAgents({ identity: await testIdentity('controller'), statMs: 10_000, monitorMs: 10_000 });
  ends.push(agents.close);
  return agents;
}

const listener = { log: () => undefined, report: () => undefined, count: () => undefined };

describe('grpcAgents', () => {
  it('calls a real agent, and follows its operation', async () => {
    const [{ host, removed }, agents] = [await agent('node1'), await calls()];
    expect(await agents.machineId(host, signal)).toBe('machine-of-node1');
    expect(await agents.usage(host, 7, { create: true }, signal)).toEqual({ totalBytes: 2 ** 45, usedBytes: 7, freeBytes: 0, monitor: '' });
    expect(await agents.diskSizes(host, 7, signal)).toEqual([
      { id: 9, disks: [{ id: 0, allocated: 2 ** 40, snapshots: [{ id: 11, allocated: 5 }] }] },
      { id: 10, disks: [] },
    ]);
    const request = { operation: { operationId: 'x.remove', subject: 's' }, target: { datastoreId: 107, path: '9' } };
    const open = () => agents.start(host, 'Disks/Remove', request, signal);
    expect(await follow(open, { hostName: 'node1', signal, reattachMs: 1000, known: false, listener })).toMatchObject({ sizeBytes: 3 });
    expect(removed).toEqual([{ datastoreId: 107, path: '9' }, 'x.remove']);
  });

  it('passes on what the agent refuses', async () => {
    const [{ host }, agents] = [await agent('node1'), await calls()];
    const open = () => agents.start(host, 'Disks/Create', { target: { datastoreId: 1, path: 'x' } }, signal);
    await expect(follow(open, { hostName: 'node1', signal, reattachMs: 1000, known: false, listener })).rejects.toMatchObject({
      reason: 'unsupported',
    });
  });

  it('does not talk to another machine than it was told', async () => {
    const [{ host }, agents] = [await agent('node1'), await calls()];
    await expect(agents.machineId({ ...host, expect: { machineId: 'another' } }, signal)).rejects.toMatchObject({ reason: 'bad_identity' });
    await expect(agents.machineId({ ...host, expect: { hostName: 'node2' } }, signal)).rejects.toMatchObject({ reason: 'bad_identity' });
  });

  it('refuses two machines with one machine id, and takes two names of one machine', async () => {
    const [one, two, agents] = [await agent('node1', 'copied'), await agent('node2', 'copied'), await calls()];
    expect(await agents.machineId(one.host, signal)).toBe('copied');
    await expect(agents.machineId(two.host, signal)).rejects.toMatchObject({
      reason: 'bad_identity',
      message: expect.stringMatching(/^node1 \(\S+\) and node2 \(\S+\) both say that they are machine copied: give one of them a new/),
    });
    const alias = { ...one.host, name: 'node1.example', address: one.host.address.replace('127.0.0.1', 'localhost') };
    expect(await agents.machineId(alias, signal)).toBe('copied');
  });

  it('a name that cannot be resolved fails at once and says so: nobody has taken the call', async () => {
    const agents = await calls();
    const host = { name: 'node77.invalid', address: 'node77.invalid:2635', expect: { hostName: 'node77.invalid' } };
    const open = () => agents.start(host, 'Disks/Remove', { target: { datastoreId: 1, path: 'x' } }, signal);
    const log = vi.fn();
    const following = follow(open, { hostName: host.name, signal, reattachMs: 300, known: false, listener: { ...listener, log } });
    await expect(following).rejects.toMatchObject({
      reason: 'unreachable',
      message: expect.stringMatching(/^node77\.invalid cannot be resolved: /),
    });
    expect(log).not.toHaveBeenCalled();
  });

  it('a host that refuses fails with its name; others go on', async () => {
    const [dead, alive, agents] = [await agent('node1'), await agent('node2'), await calls()];
    dead.service.stop();
    const open = () => agents.start(dead.host, 'Disks/Remove', { target: { datastoreId: 1, path: 'x' } }, signal);
    await expect(follow(open, { hostName: 'node1', signal, reattachMs: 60_000, known: false, listener })).rejects.toMatchObject({
      reason: 'unreachable',
      message: expect.stringContaining('node1'),
    });
    expect(await agents.machineId(alive.host, signal)).toBe('machine-of-node2');
  });
});
