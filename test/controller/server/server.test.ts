import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OperationRecord } from '../../../runtime/operations/types.ts';
import { ask, bodyOf, failure, formOf, Place, Scripted, success } from './scripted.ts';

let place: Place;

beforeEach(() => {
  place = new Place();
});
afterEach(() => place.end());

const CLONE = '/v1/actions/tm/agent_local/clone';

async function call(path: string, argv: readonly string[] = [], stdin?: string, more: Record<string, string> = {}) {
  const { headers, body } = await formOf(argv, stdin);
  return await ask(place.socket, 'POST', path, { ...headers, ...more }, body);
}

describe('a call', () => {
  it('reaches the handler as it is and is answered by records', async () => {
    const handler = new Scripted((_, sink) => {
      sink.log('info', 'began');
      return success('a b');
    });
    await place.serve(handler);
    const key = crypto.randomUUID();
    const answer = await call('/v1/actions/ds/agent_fs/cp', ['a b', 'c\\d%s"\'', 'žluť', ''], 'x'.repeat(70_000), {
      'idempotency-key': key,
    });
    expect(answer).toEqual({ status: 200, body: `A${key}\nIbegan\nOa b\nX0\n` });
    expect(handler.calls).toEqual([
      { key, action: 'ds/cp', driver: 'agent_fs', suffix: undefined, argv: ['a b', 'c\\d%s"\'', 'žluť', ''], stdin: 'x'.repeat(70_000) },
    ]);
  });

  it('carries suffix and other spellings', async () => {
    const handler = new Scripted(() => success());
    await place.serve(handler);
    await call(`${CLONE}.ssh`);
    await call('/v1/actions/tm/agent_local/pre_backup_live');
    expect(handler.calls.map(({ action, suffix }) => [action, suffix])).toEqual([
      ['tm/clone', 'ssh'],
      ['tm/prebackup_live', undefined],
    ]);
  });

  it('prints only what OpenNebula reads', async () => {
    await place.serve(new Scripted(() => success('one\ntwo\n')));
    expect((await call(CLONE)).body).toMatch(/^A[^\n]+\nX0\n$/);
    expect((await call('/v1/actions/ds/agent_fs/mkfs')).body).toMatch(/\nOone two\nX0\n$/);
    expect((await call('/v1/actions/ds/agent_fs/monitor')).body).toMatch(/\nOone\nOtwo\nX0\n$/);
  });

  it('keeps log lines from 6.10', async () => {
    const handler = new Scripted((_, sink) => {
      sink.log('error', 'detail');
      return failure('5 of them failed\nhere');
    });
    await place.serve(handler, '6.10');
    expect((await call(CLONE)).body).toMatch(/^A[^\n]+\nMonestorage: 5 of them failed here\nX1\n$/);
  });

  it('turns what the handler throws into one line', async () => {
    await place.serve(new Scripted(() => Promise.reject(new Error('boom\nstack'))));
    expect((await call(CLONE)).body).toMatch(/\nMtm\/clone: boom stack\nX1\n$/);
  });

  it.each([
    ['/v1/actions/tm/agent_local/nothing', {}, 404],
    ['/v1/actions/vmm/agent_local/clone', {}, 404],
    ['/v1/actions/tm/a%2Fb/clone', {}, 400],
    [CLONE, { 'idempotency-key': 'x' }, 400],
    [CLONE, { 'content-type': 'text/plain' }, 400],
    [CLONE, { 'content-type': 'multipart/form-data; boundary=other' }, 400],
  ] as const)('%s %j is refused in one line', async (path, headers, status) => {
    const handler = new Scripted(() => success());
    await place.serve(handler);
    const answer = await call(path, ['x'], undefined, headers);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatch(/^M[^\n]+\nX1\n$/);
    expect(handler.calls).toEqual([]);
  });

  it('refuses too many words', async () => {
    await place.serve(new Scripted(() => success()));
    const answer = await call(
      CLONE,
      Array.from({ length: 10_001 }, () => 'w'),
    );
    expect(answer.status).toBe(413);
    expect(answer.body).toMatch(/^Mthe call has 10001 words[^\n]+\nX1\n$/);
  });

  it('refuses an announced 100 MiB without reading it', async () => {
    await place.serve(new Scripted(() => success()));
    const sent = request({
      socketPath: place.socket,
      method: 'POST',
      path: CLONE,
      headers: { ...(await formOf([])).headers, 'content-length': String(100 * 2 ** 20) },
    });
    sent.on('error', () => undefined);
    sent.flushHeaders();
    const [response] = await once(sent, 'response');
    expect(response.statusCode).toBe(413);
    expect(await bodyOf(response)).toMatch(/^Mthe call is larger than[^\n]+\nX1\n$/);
  });

  it('refuses 100 MiB that come unannounced, soon after the limit', async () => {
    await place.serve(new Scripted(() => success()));
    const sent = request({ socketPath: place.socket, method: 'POST', path: CLONE, headers: (await formOf([])).headers });
    sent.on('error', () => undefined);
    let sentBytes = 0;
    const chunk = Buffer.alloc(2 ** 20);
    let answered = false;
    const response = once(sent, 'response').then(([message]) => {
      answered = true;
      return message;
    });
    while (!answered && sentBytes < 100 * 2 ** 20) {
      sentBytes += chunk.length;
      if (!sent.write(chunk)) await Promise.race([once(sent, 'drain').catch(() => undefined), response]);
    }
    expect((await response).statusCode).toBe(413);
    expect(sentBytes).toBeLessThan(40 * 2 ** 20);
  });

  it('drops log lines for a reader that does not read, and still ends', async () => {
    const lines = 20_000;
    const handler = new Scripted((_, sink) => {
      for (let i = 0; i < lines; i += 1) sink.log('info', `line ${'x'.repeat(400)}`);
      return failure('the end');
    });
    await place.serve(handler);
    const answer = await call(CLONE);
    expect(answer.body).toMatch(/\nWlog lines dropped because nobody read them: \d+\nMthe end\nX1\n$/);
    expect(answer.body.length).toBeLessThan(4 * 2 ** 20);
  });
});

describe('cancelling', () => {
  it('is done by DELETE, never by going away', async () => {
    const handler = new Scripted(async (_, __, cancelled) => failure(await cancelled));
    await place.serve(handler);
    const { headers, body } = await formOf([]);
    const lost = request({ socketPath: place.socket, method: 'POST', path: CLONE, headers });
    lost.on('error', () => undefined);
    lost.end(body);
    await once(lost, 'response');
    lost.destroy();
    const again = ask(place.socket, 'POST', CLONE, headers, body);
    await handler.called(2);
    expect(handler.cancels).toEqual([]);
    const id = headers['idempotency-key'] ?? '';
    expect((await ask(place.socket, 'DELETE', `/v1/operations/${id}`)).status).toBe(200);
    expect((await again).body).toMatch(/\nMcancelled by the caller\nX1\n$/);
  });

  it('of a call that has not arrived keeps it from starting', async () => {
    const handler = new Scripted(() => success());
    await place.serve(handler);
    const { headers, body } = await formOf([]);
    expect((await ask(place.socket, 'DELETE', `/v1/operations/${headers['idempotency-key']}`)).status).toBe(404);
    expect((await ask(place.socket, 'POST', CLONE, headers, body)).body).toMatch(/^Mtm\/clone: cancelled before it began\nX1\n$/);
    expect(handler.calls).toEqual([]);
  });

  it.each([
    [{ state: 'running', committed: true }, 'is past the point where it can be taken back'],
    [{ state: 'cancelled', finishedAt: 1 }, 'has ended (cancelled)'],
  ])('that comes too late says why: %j', async (record, why) => {
    const handler = Object.assign(new Scripted(() => success()), { get: () => record as unknown as OperationRecord });
    await place.serve(handler as unknown as Scripted);
    const { status, body } = await ask(place.socket, 'DELETE', '/v1/operations/operation-1');
    expect(status).toBe(409);
    expect(JSON.parse(body)).toEqual({ error: { reason: 'conflict', message: `operation operation-1 ${why}` } });
  });
});

describe('the other addresses', () => {
  it.each([
    ['GET', '/v1/health', 200],
    ['GET', '/v1/operations', 200],
    ['GET', '/v1/operations?all=1', 200],
    ['GET', '/v1/operations/unknown-1234', 404],
    ['GET', '/v1/operations/%00', 400],
    ['GET', '/v1/operations/%', 404],
    ['POST', '/v1/operations', 400],
    ['GET', '/v2', 404],
    ['GET', '/', 404],
  ])('%s %s answers %i in JSON', async (method, path, status) => {
    await place.serve(new Scripted(() => success()));
    const answer = await ask(place.socket, method, path);
    expect(answer.status).toBe(status);
    expect(() => JSON.parse(answer.body) as unknown).not.toThrow();
  });
});

describe('the socket', () => {
  it('has its mode, and goes with the server', async () => {
    const server = await place.serve(new Scripted(() => success()));
    expect(statSync(place.socket).mode & 0o777).toBe(0o660);
    await server.stop();
    expect(existsSync(place.socket)).toBe(false);
  });

  it('of a dead controller is replaced', async () => {
    const code = `require('node:net').createServer().listen(process.argv[1], () => process.stdout.write('up'))`;
    const dead = spawn(process.execPath, ['-e', code, place.socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(dead.stdout, 'data');
    dead.kill('SIGKILL');
    await once(dead, 'exit');
    expect(existsSync(place.socket)).toBe(true);
    await place.serve(new Scripted(() => success()));
    expect((await ask(place.socket, 'GET', '/v1/health')).status).toBe(200);
  });

  it('of a living one is not', async () => {
    await place.serve(new Scripted(() => success()));
    await expect(place.serve(new Scripted(() => success()))).rejects.toMatchObject({
      reason: 'conflict',
      message: `another controller is running on ${place.socket}: stop it first`,
    });
    expect((await ask(place.socket, 'GET', '/v1/health')).status).toBe(200);
  });

  it('does not replace a file, nor take a path that is too long', async () => {
    writeFileSync(place.socket, 'precious');
    await expect(place.serve(new Scripted(() => success()))).rejects.toMatchObject({ reason: 'conflict' });
    const long = Object.create(place, { socket: { value: join(place.directory, 'x'.repeat(120)) } }) as Place;
    await expect(Place.prototype.serve.call(long, new Scripted(() => success()))).rejects.toMatchObject({ reason: 'bad_config' });
  });

  it('of the successor stays when the predecessor stops late', async () => {
    const first = await place.serve(new Scripted(() => success()));
    unlinkSync(place.socket);
    await place.serve(new Scripted(() => success()));
    await first.stop();
    expect((await ask(place.socket, 'GET', '/v1/health')).status).toBe(200);
  });

  it('outlives callers that talk nonsense', async () => {
    await place.serve(new Scripted(() => success()));
    for (const text of ['\0\0\0', 'GET', 'POST /v1/actions/tm/a/clone HTTP/1.1\r\nContent-Length: 10\r\n\r\nx', 'x'.repeat(100_000)]) {
      const socket = connect(place.socket);
      socket.on('error', () => undefined);
      socket.end(text);
      socket.resume();
      await new Promise((resolve) => socket.once('close', resolve));
    }
    expect((await ask(place.socket, 'GET', '/v1/health')).status).toBe(200);
  });
});
