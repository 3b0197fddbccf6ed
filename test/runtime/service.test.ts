import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { callStream, callUnary, openChannel, openDuplex } from '../../runtime/channel.ts';
import { hadConnection } from '../../runtime/connection.ts';
import { StorageError } from '../../runtime/errors.ts';
import type { Implementation } from '../../runtime/methods.ts';
import { startService } from '../../runtime/service.ts';
import { testIdentity } from '../helpers/pki.ts';
import { hostsOnly, RIGHTS, silent, TestService } from './echo.ts';

const never = new AbortController().signal;
const running: TestService[] = [];
afterEach(() => {
  for (const service of running.splice(0)) service.stop();
});

async function start(...words: Parameters<typeof TestService.start>): Promise<TestService> {
  const service = await TestService.start(...words);
  running.push(service);
  return service;
}

const operations = (watch: Implementation<'Operations'>['Watch']): { Operations: Implementation<'Operations'> } => ({
  Operations: {
    List: async () => ({ operations: [] }),
    Get: async () => ({}),
    Cancel: async () => ({ cancelling: true }),
    Watch: watch,
  },
});

describe('a unary call', () => {
  it('carries the request, the answer and the caller', async () => {
    const service = await start(
      hostsOnly(async (request, { peer }) => {
        expect(peer).toEqual({ role: 'controller', hostName: 'front-end', machineId: undefined });
        return { totalBytes: 2 ** 45, usedBytes: request.datastoreId };
      }),
    );
    const channel = service.channel(await testIdentity('controller', { hostName: 'front-end' }));
    const usage = await callUnary(channel.client('Hosts'), 'Usage', { datastoreId: 7 }, { signal: never });
    expect(usage).toEqual({ totalBytes: 2 ** 45, usedBytes: 7, freeBytes: 0, monitor: '' });
  });

  it('brings a StorageError across with its reason and text', async () => {
    const service = await start(
      hostsOnly(async () => {
        throw new StorageError('no_space', 'datastore 1 is full: größer als frei');
      }),
    );
    const channel = service.channel(await testIdentity('controller'));
    await expect(callUnary(channel.client('Hosts'), 'Usage', {}, { signal: never })).rejects.toMatchObject({
      reason: 'no_space',
      message: 'datastore 1 is full: größer als frei',
    });
  });

  it('ends with the caller’s reason when the caller gives up, and the handler is told', async () => {
    const told = Promise.withResolvers<unknown>();
    const entered = Promise.withResolvers<void>();
    const service = await start(
      hostsOnly(async (_request, { signal }) => {
        entered.resolve();
        await once(signal, 'abort');
        told.resolve(signal.reason);
        throw signal.reason;
      }),
    );
    const channel = service.channel(await testIdentity('controller'));
    const mine = new AbortController();
    const call = callUnary(channel.client('Hosts'), 'Usage', {}, { signal: mine.signal });
    const failed = expect(call).rejects.toMatchObject({ reason: 'superseded' });
    await entered.promise;
    mine.abort(new StorageError('superseded', 'a later action took over'));
    await failed;
    expect(await told.promise).toMatchObject({ reason: 'cancelled' });
  });

  it('is a timeout after its deadline', async () => {
    const service = await start(hostsOnly(async (_request, { signal }) => once(signal, 'abort').then(() => ({}))));
    const channel = service.channel(await testIdentity('controller'));
    await expect(callUnary(channel.client('Hosts'), 'Usage', {}, { signal: never, deadlineMs: 300 })).rejects.toMatchObject({
      reason: 'timeout',
      message: expect.stringContaining('host01 (127.0.0.1:'),
    });
  });

  it('refuses a message over 4 MiB', async () => {
    const service = await start(operations(async () => undefined));
    const channel = service.channel(await testIdentity('controller'));
    const operationId = 'x'.repeat(5 * 1024 * 1024);
    await expect(callUnary(channel.client('Operations'), 'Get', { operationId }, { signal: never })).rejects.toMatchObject({
      reason: 'too_big',
    });
  });
});

describe('a stream', () => {
  it('honours back-pressure: a slow reader stops the sender', async () => {
    const text = 'x'.repeat(64 * 1024);
    const total = 400;
    let sent = 0;
    const service = await start(
      operations(async (_request, _call, send) => {
        for (; sent < total; sent++) await send({ log: { level: 'info', text } });
      }),
    );
    const channel = service.channel(await testIdentity('admin'));
    const messages = callStream(channel.client('Operations'), 'Watch', {}, { signal: never });
    let received = 0;
    let sentAfterFirst = 0;
    for await (const message of messages) {
      expect(message.log?.text?.length).toBe(text.length);
      received += 1;
      if (received !== 1) continue;
      // Everything the sender can do without the reader is done when another whole call has come and gone a few times.
      for (let calls = 0; calls < 20; calls++) await callUnary(channel.client('Operations'), 'List', {}, { signal: never });
      sentAfterFirst = sent;
    }
    expect(received).toBe(total);
    expect(sentAfterFirst).toBeLessThan(total);
  });

  it('delivers what was sent before its failure', async () => {
    const service = await start(
      operations(async (_request, _call, send) => {
        await send({ log: { level: 'info', text: 'first' } });
        throw new StorageError('not_found', 'no operation 9');
      }),
    );
    const channel = service.channel(await testIdentity('admin'));
    const seen: unknown[] = [];
    const read = async (): Promise<void> => {
      for await (const message of callStream(channel.client('Operations'), 'Watch', {}, { signal: never })) seen.push(message.log?.text);
    };
    await expect(read()).rejects.toMatchObject({ reason: 'not_found', message: 'no operation 9' });
    expect(seen).toEqual(['first']);
  });

  it.each(['leaving the loop', 'the signal'])('is cancelled on the server by %s', async (how) => {
    const told = Promise.withResolvers<unknown>();
    const service = await start(
      operations(async (_request, { signal }, send) => {
        await send({ log: { level: 'info', text: 'hello' } });
        await once(signal, 'abort');
        told.resolve(signal.reason);
      }),
    );
    const channel = service.channel(await testIdentity('admin'));
    const mine = new AbortController();
    const read = async (): Promise<void> => {
      for await (const _ of callStream(channel.client('Operations'), 'Watch', {}, { signal: mine.signal })) {
        if (how === 'leaving the loop') return;
        mine.abort();
      }
    };
    if (how === 'the signal') await expect(read()).rejects.toMatchObject({ reason: 'cancelled' });
    else await read();
    expect(await told.promise).toMatchObject({ reason: 'cancelled' });
  });

  it('is interrupted, not finished, when the service stops', async () => {
    const service = await start(
      operations(async (_request, { signal }, send) => {
        await send({ log: { level: 'info', text: 'hello' } });
        await once(signal, 'abort');
      }),
    );
    const channel = service.channel(await testIdentity('admin'));
    const read = async (): Promise<void> => {
      for await (const _ of callStream(channel.client('Operations'), 'Watch', {}, { signal: never })) service.service.stop();
    };
    const error: unknown = await read().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StorageError);
    expect(['interrupted', 'unreachable', 'unavailable']).toContain((error as StorageError).reason);
  });

  it('runs in both directions', async () => {
    const service = await start({
      Transfers: {
        Open: async () => ({}),
        Receive: async () => undefined,
        Fetch: async (requests, _call, send) => {
          for await (const request of requests) await send({ export: { entry: request.want ?? 0 } });
        },
      },
    });
    const channel = service.channel(await testIdentity('agent', { hostName: 'host02' }));
    const duplex = await openDuplex(channel.client('Transfers'), 'Fetch', { signal: never });
    await duplex.send({ want: 1 });
    expect((await duplex.messages.next()).value).toMatchObject({ event: 'export', export: { entry: 1 } });
    await duplex.send({ want: 2 });
    duplex.finish();
    const rest: unknown[] = [];
    for await (const message of duplex.messages) rest.push(message.export?.entry);
    expect(rest).toEqual([2]);
  });

  it('tells a late reader of both directions that the call had failed', async () => {
    const service = await start({
      Transfers: {
        Open: async () => ({}),
        Receive: async () => undefined,
        Fetch: async () => {
          throw new StorageError('forbidden', 'no such capability');
        },
      },
    });
    const channel = service.channel(await testIdentity('agent', { hostName: 'host02' }));
    const duplex = await openDuplex(channel.client('Transfers'), 'Fetch', { signal: never });
    await duplex.send({ want: 1 });
    // Another whole call afterwards: the status of the first one has arrived.
    const other = await openDuplex(channel.client('Transfers'), 'Fetch', { signal: never });
    await expect(other.messages.next()).rejects.toMatchObject({ reason: 'forbidden' });
    await expect(duplex.messages.next()).rejects.toMatchObject({ reason: 'forbidden', message: 'no such capability' });
  });
});

describe('the end of a service', () => {
  it('drains: a call under way finishes, a new one is refused', async () => {
    const entered = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const service = await start(
      hostsOnly(async () => {
        entered.resolve();
        await release.promise;
        return { totalBytes: 1 };
      }),
    );
    const channel = service.channel(await testIdentity('controller'));
    const call = callUnary(channel.client('Hosts'), 'Usage', {}, { signal: never });
    await entered.promise;
    const drained = service.service.drain(30_000);
    release.resolve();
    expect(await call).toMatchObject({ totalBytes: 1 });
    await drained;
    await expect(callUnary(channel.client('Hosts'), 'Usage', {}, { signal: never })).rejects.toMatchObject({ reason: 'unreachable' });
  });

  it('drains: after its time a call is aborted', async () => {
    const entered = Promise.withResolvers<void>();
    const service = await start(
      hostsOnly(async (_request, { signal }) => {
        entered.resolve();
        await once(signal, 'abort');
        throw signal.reason;
      }),
    );
    const channel = service.channel(await testIdentity('controller'));
    const failed = expect(callUnary(channel.client('Hosts'), 'Usage', {}, { signal: never })).rejects.toBeInstanceOf(StorageError);
    await entered.promise;
    await service.service.drain(1);
    await failed;
  });
});

describe('starting', () => {
  it('refuses a service one of whose methods has no rights', async () => {
    const { 'Hosts/Usage': _left, ...rights } = RIGHTS;
    const identity = await testIdentity('agent', { hostName: 'host01' });
    const implementations = hostsOnly(async () => ({}));
    await expect(startService({ address: '127.0.0.1:0', identity, implementations, rights, log: silent })).rejects.toThrow('Hosts/Usage');
  });

  it('names the address that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = `127.0.0.1:${(other.address() as { port: number }).port}`;
    const identity = await testIdentity('agent', { hostName: 'host01' });
    const started = startService({ address, identity, implementations: {}, rights: RIGHTS, log: silent });
    await expect(started).rejects.toMatchObject({ reason: 'bad_config', message: expect.stringContaining(address) });
    other.close();
  });
});

describe('an unreachable host', () => {
  it('is named in the error', async () => {
    const reserved = createServer().listen(0, '127.0.0.1');
    await once(reserved, 'listening');
    const { port } = reserved.address() as { port: number };
    reserved.close();
    await once(reserved, 'close');
    const channel = openChannel(`127.0.0.1:${port}`, await testIdentity('controller'), { hostName: 'host01' });
    await expect(callUnary(channel.client('Hosts'), 'Usage', {}, { signal: never })).rejects.toMatchObject({
      reason: 'unreachable',
      message: `host01 (127.0.0.1:${port}) does not answer: connection refused`,
    });
    channel.close();
  });

  it('is found by the first call after it is back, also in the pause between two attempts', async () => {
    const agent = await start(hostsOnly(async () => ({ totalBytes: 1 })));
    const [, port = ''] = agent.address.split(':');
    agent.service.stop();
    const channel = agent.channel(await testIdentity('controller'));
    const call = (): Promise<unknown> => callUnary(channel.client('Hosts'), 'Usage', {}, { signal: never });
    // The pauses grow with each failure.
    for (let failed = 0; failed < 4; failed += 1) await expect(call()).rejects.toMatchObject({ reason: 'unreachable' });
    const again = await startService({
      address: `127.0.0.1:${port}`,
      identity: await testIdentity('agent', { hostName: 'host01', machineId: 'm1' }),
      implementations: hostsOnly(async () => ({ totalBytes: 2 })),
      rights: RIGHTS,
      log: silent,
    });
    try {
      expect(await call()).toMatchObject({ totalBytes: 2 });
    } finally {
      again.stop();
    }
  });

  it('whose name is not known is no connection that broke', async () => {
    const channel = openChannel('host77.invalid:2635', await testIdentity('controller'), { hostName: 'host77.invalid' });
    try {
      const error = await callUnary(channel.client('Hosts'), 'Usage', {}, { signal: never }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ reason: 'unreachable', message: expect.stringMatching(/^host77\.invalid cannot be resolved: /) });
      expect(hadConnection(error as StorageError)).toBe(false);
    } finally {
      channel.close();
    }
  });

  it('that accepts a connection and then says nothing is given up, with its socket, and found again when it is back', async () => {
    const agent = await start(hostsOnly(async () => ({ totalBytes: 1 })));
    const agentPort = Number(agent.address.split(':')[1]);
    let frozen = true;
    const closed = Promise.withResolvers<void>();
    const proxy = createServer((socket) => {
      socket.on('error', () => undefined);
      if (frozen) {
        socket.resume();
        socket.once('close', () => closed.resolve());
        return;
      }
      const onward = connect(agentPort, '127.0.0.1');
      onward.on('error', () => undefined);
      socket.pipe(onward).pipe(socket);
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const { port } = proxy.address() as { port: number };
    const channel = openChannel(`127.0.0.1:${port}`, await testIdentity('controller'), { hostName: 'host01' }, 200);
    const call = (): Promise<unknown> => callUnary(channel.client('Hosts'), 'Usage', {}, { signal: never });
    await expect(call()).rejects.toMatchObject({ reason: 'unreachable', message: expect.stringContaining(`host01 (127.0.0.1:${port})`) });
    await closed.promise;
    frozen = false;
    // The channel tries again by itself; how soon is its own affair.
    await vi.waitFor(async () => expect(await call()).toMatchObject({ totalBytes: 1 }), { timeout: 30_000, interval: 100 });
    channel.close();
    agent.stop();
    proxy.close();
  });
});
