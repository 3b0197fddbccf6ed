import { afterEach, describe, expect, it } from 'vitest';
import type { AuditEntry } from '../../runtime/audit/chain.ts';
import { type Channel, callStream, callUnary, openChannel } from '../../runtime/channel.ts';
import { StorageError } from '../../runtime/errors.ts';
import type { Role } from '../../runtime/identity/identity.ts';
import type { Implementations } from '../../runtime/methods.ts';
import { startService } from '../../runtime/service.ts';
import { testIdentity } from '../helpers/pki.ts';
import { RIGHTS, silent } from './echo.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function start(implementations: Implementations): Promise<{ written: AuditEntry[]; channel(role: Role): Promise<Channel> }> {
  const written: AuditEntry[] = [];
  const service = await startService({
    address: '127.0.0.1:0',
    identity: await testIdentity('agent', { hostName: 'host01', machineId: 'm1' }),
    implementations,
    rights: { ...RIGHTS, 'Hosts/Check': ['controller'], 'Hosts/Stat': ['controller'] },
    audit: { append: (entry) => written.push(entry) },
    log: silent,
  });
  closing.push(() => service.stop());
  return {
    written,
    channel: async (role) => {
      const channel = openChannel(`127.0.0.1:${service.port}`, await testIdentity(role, { hostName: 'frontend' }), { hostName: 'host01' });
      closing.unshift(() => channel.close());
      return channel;
    },
  };
}

const refuse = async (): Promise<never> => {
  throw new StorageError('no_space', 'full');
};
const SIGNAL = new AbortController().signal;

describe('the audit of calls', () => {
  it('names who called what, and what came of it', async () => {
    const { written, channel } = await start({
      Operations: { List: async () => ({ operations: [] }), Get: refuse, Watch: refuse, Cancel: refuse },
    });
    const client = (await channel('controller')).client('Operations');
    await callUnary(client, 'List', {}, { signal: SIGNAL });
    await expect(callUnary(client, 'Cancel', { operationId: 'op-1', reason: 'x' }, { signal: SIGNAL })).rejects.toThrow('full');
    const who = { role: 'controller', host: 'frontend', peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/) };
    expect(written).toEqual([
      { event: 'end', method: 'Operations/List', ...who, outcome: 'ok' },
      { event: 'begin', method: 'Operations/Cancel', ...who, operation: 'op-1' },
      { event: 'end', method: 'Operations/Cancel', ...who, operation: 'op-1', outcome: 'no_space' },
    ]);
  });

  it('has the calls that were refused', async () => {
    const { written, channel } = await start({ Operations: { List: refuse, Get: refuse, Watch: refuse, Cancel: refuse } });
    const client = (await channel('admin')).client('Operations');
    await expect(callUnary(client, 'Cancel', { operationId: 'op-1' }, { signal: SIGNAL })).rejects.toMatchObject({ reason: 'forbidden' });
    expect(written).toMatchObject([{ event: 'end', method: 'Operations/Cancel', role: 'admin', outcome: 'forbidden' }]);
  });

  it('knows an operation that failed within a call that went well', async () => {
    const { written, channel } = await start({
      Transfers: {
        Open: refuse,
        Fetch: async () => undefined,
        Receive: async (_request, _call, send) => {
          await send({ progress: { step: 'accepted', doneBytes: 0, totalBytes: 0, bytesPerSecond: 0 } });
          await send({ outcome: { failure: { reason: 'unreachable', message: 'gone' }, figures: null } });
        },
      },
    });
    const client = (await channel('controller')).client('Transfers');
    const request = { operation: { operationId: 'key-1.copy', subject: 'disk 0 of VM 9' } };
    for await (const event of callStream(client, 'Receive', request, { signal: SIGNAL })) expect(event).toBeDefined();
    const about = { method: 'Transfers/Receive', operation: 'key-1.copy', subject: 'disk 0 of VM 9' };
    expect(written).toMatchObject([
      { event: 'begin', ...about },
      { event: 'end', ...about, outcome: 'unreachable' },
    ]);
  });
});
