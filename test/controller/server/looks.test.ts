import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Looks } from '../../../controller/looks/looks.ts';
import { type RunningServer, startServer } from '../../../controller/server/server.ts';
import { StorageError } from '../../../runtime/errors.ts';
import { createLogger } from '../../../runtime/log.ts';
import { ask, formOf, Place, Scripted, success } from './scripted.ts';

let place: Place;
let server: RunningServer | undefined;
beforeEach(() => {
  place = new Place();
});
afterEach(async () => {
  await server?.stop();
  await place.end();
});

const nothing = new StorageError('internal', 'not in this test');
const none: Looks = {
  hosts: () => Promise.reject(nothing),
  datastores: () => Promise.reject(nothing),
  vms: () => Promise.reject(nothing),
  backups: () => Promise.reject(nothing),
  backup: () => Promise.reject(nothing),
  story: () => Promise.reject(nothing),
  explain: () => Promise.reject(nothing),
};

async function serve(looks: Partial<Looks>): Promise<void> {
  const handler = new Scripted(() => success());
  server = await startServer({
    socket: place.socket,
    handler,
    looks: { ...none, ...looks },
    dialect: '7',
    log: createLogger('test', 'silent'),
  });
}

async function get(path: string): Promise<[number, unknown]> {
  const { status, body } = await ask(place.socket, 'GET', path);
  return [status, JSON.parse(body)];
}

it('gives what operators are shown as JSON', async () => {
  const asked: unknown[] = [];
  await serve({
    hosts: async () => [],
    vms: async (id) => {
      asked.push(id);
      return [];
    },
    story: async (id) => {
      asked.push(id);
      return { operation: undefined, parts: [], lines: [], unanswered: [] };
    },
  });
  expect(await get('/v1/hosts')).toEqual([200, { hosts: [] }]);
  expect(await get('/v1/vms')).toEqual([200, { vms: [] }]);
  expect(await get('/v1/vms/9')).toEqual([200, { vms: [] }]);
  expect(await get('/v1/stories/0123456789.receive')).toEqual([200, { parts: [], lines: [], unanswered: [] }]);
  expect(asked).toEqual([undefined, 9, '0123456789.receive']);
});

it('refuses what is no id, and passes on why something could not be had', async () => {
  await serve({ datastores: () => Promise.reject(new StorageError('opennebula_unavailable', 'oned is down')) });
  const error = (reason: string) => ({ error: { reason, message: expect.any(String) } });
  expect(await get('/v1/vms/x')).toEqual([400, error('bad_argument')]);
  expect(await get('/v1/stories/short')).toEqual([400, error('bad_argument')]);
  expect(await get('/v1/datastores')).toEqual([500, { error: { reason: 'opennebula_unavailable', message: 'oned is down' } }]);
  expect(await get('/v1/hosts/1')).toEqual([404, error('not_found')]);
});

it('takes the words of an action as a shim sends them', async () => {
  const seen: unknown[] = [];
  await serve({
    explain: async (call) => {
      seen.push(call);
      throw new StorageError('bad_argument', 'words');
    },
  });
  const { headers, body } = await formOf(['a b', 'c'], 'input');
  expect((await ask(place.socket, 'POST', '/v1/explanations/tm/agent_local/clone.ssh', headers, body)).status).toBe(400);
  expect(seen).toEqual([{ action: 'tm/clone', driver: 'agent_local', suffix: 'ssh', argv: ['a b', 'c'], stdin: 'input' }]);
  expect((await ask(place.socket, 'POST', '/v1/explanations/tm/agent_local/nothing', headers, body)).status).toBe(404);
  expect((await ask(place.socket, 'GET', '/v1/explanations/tm/agent_local/clone')).status).toBe(404);
});

it('ends a look when the caller has gone', async () => {
  const ended = Promise.withResolvers<unknown>();
  const begun = Promise.withResolvers<void>();
  await serve({
    hosts: (signal) => {
      signal.addEventListener('abort', () => ended.resolve(signal.reason));
      begun.resolve();
      return new Promise(() => undefined);
    },
  });
  const call = get('/v1/hosts');
  call.catch(() => undefined);
  await begun.promise;
  await server?.stop();
  await expect(call).rejects.toThrow();
  expect(await ended.promise).toMatchObject({ reason: 'cancelled' });
});
