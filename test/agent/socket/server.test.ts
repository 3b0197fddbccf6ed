import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentConfig } from '../../../agent/config.ts';
import { agentConfigSchema } from '../../../agent/config.ts';
import { startMonitoring } from '../../../agent/monitor/start.ts';
import { createLogger } from '../../../runtime/log.ts';
import { ask, formOf } from '../../controller/server/scripted.ts';

let directory: string;
let running: { stop(): Promise<void> } | undefined;

beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'onestorage-socket-'));
});
afterEach(async () => {
  await running?.stop();
  running = undefined;
  await rm(directory, { recursive: true, force: true });
});

const at = (...names: readonly string[]): string => path.join(directory, ...names);
const socket = (): string => at('agent.sock');
const log = createLogger('test', 'fatal');

function config(more: Record<string, unknown> = {}): AgentConfig {
  return agentConfigSchema.parse({ datastores: at('datastores'), socket: socket(), ...more });
}

async function start(more: Record<string, unknown> = {}): Promise<void> {
  running = await startMonitoring(config(more), log);
}

async function addVm(id: number): Promise<void> {
  await mkdir(at('datastores', '107', String(id)), { recursive: true });
  await writeFile(at('datastores', '107', '.monitor'), 'agent_local\n');
  await writeFile(at('datastores', '107', String(id), 'disk.0'), Buffer.alloc(2 * 1024 * 1024, 1));
}

async function monitorDs(words: readonly string[], driver = 'agent_local'): Promise<{ status: number; body: string }> {
  const { headers, body } = await formOf(words);
  return await ask(socket(), 'POST', `/v1/actions/tm/${driver}/monitor_ds`, headers, body);
}

const inner = (body: string): string => Buffer.from(/MONITOR = "([^"]*)"/.exec(body)?.[1] ?? '', 'base64').toString('utf8');

describe('monitor_ds', () => {
  it('answers what was measured, and nothing else', async () => {
    await addVm(9);
    await addVm(10);
    await start();
    await expect.poll(async () => (await monitorDs([at('datastores', '107')])).body, { timeout: 20_000 }).toContain('ID = 9');
    const { status, body } = await monitorDs([at('datastores', '107')]);
    expect(status).toBe(200);
    expect(body).toMatch(/^OVM = \[ ID = 9, MONITOR = "[A-Za-z0-9+/=]+" \]\nOVM = \[ ID = 10, MONITOR = "[A-Za-z0-9+/=]+" \]\nX0\n$/);
    expect(inner(body)).toMatch(/^DISK_SIZE = \[ ID=0, SIZE=[23] \]\n$/);
  });

  it('answers nothing for a datastore without machines, or one that is not there yet', async () => {
    await mkdir(at('datastores'), { recursive: true });
    await start();
    expect(await monitorDs([at('datastores', '107')])).toEqual({ status: 200, body: 'X0\n' });
  });

  it('answers nothing when the agent itself reports', async () => {
    await addVm(9);
    await start({ monitord: { report: 'push', config: at('none'), conf: at('none') } });
    expect(await monitorDs([at('datastores', '107')])).toEqual({ status: 200, body: 'X0\n' });
  });

  it('takes the directory as oned writes it, and by another name of the same place', async () => {
    await addVm(9);
    await symlink(at('datastores'), at('other'));
    await start();
    for (const name of [`${directory}//datastores/107`, `${at('datastores', '107')}/`, at('other', '107')]) {
      expect((await monitorDs([name])).body, name).toMatch(/X0\n$/);
    }
  });

  it.each([
    '/etc',
    '/',
    '',
    '107',
    'datastores/107',
    'DS',
    'DS/107/9',
    'DS/107/..',
    'DS/../107',
    'DS/x',
    'DS/0107',
    'DS/-1',
    '/no/such/107',
  ])('refuses what is no datastore: %j', async (name) => {
    await addVm(9);
    await start();
    const { status, body } = await monitorDs([name.replace('DS', at('datastores'))]);
    expect([status, body]).toEqual([400, expect.stringMatching(/^M'.*' is not a datastore below .*\nX1\n$/)]);
  });

  it('refuses other words and drivers', async () => {
    await start();
    expect((await monitorDs([])).body).toMatch(/^Mtm\/monitor_ds: expected 1 word .*, got 0\nX1\n$/);
    expect((await monitorDs(['/a', '/b'])).body).toMatch(/got 2\nX1\n$/);
    expect((await monitorDs([at('datastores', '107')], 'agent_shared')).body).toMatch(/does not measure for agent_shared.*\nX1\n$/);
    expect((await monitorDs(['x'.repeat(100_000)])).body).toBe('Mthe call is larger than 64 KiB\nX1\n');
  });
});

describe('the socket', () => {
  it('refuses what it does not know', async () => {
    await start();
    const { headers, body } = await formOf([]);
    expect((await ask(socket(), 'POST', '/v1/actions/tm/agent_lvm/activate', headers, body)).body).toMatch(/^Mtm\/activate: .*\nX1\n$/);
    expect((await ask(socket(), 'GET', '/v1/operations', {}, '')).status).toBe(404);
    expect((await ask(socket(), 'POST', '/v1/actions/tm/agent_local/monitor_ds', { 'content-type': 'text/plain' }, 'x')).status).toBe(400);
  });

  it('is for the group, belongs to one agent, and goes with it', async () => {
    await start();
    expect((await stat(socket())).mode & 0o777).toBe(0o660);
    await expect(startMonitoring(config(), log)).rejects.toMatchObject({
      reason: 'conflict',
      message: expect.stringContaining('another agent'),
    });
    await running?.stop();
    running = undefined;
    await expect(stat(socket())).rejects.toThrow('ENOENT');
  });

  it('makes the directory of its socket, and says which one is missing when it cannot', async () => {
    await start({ socket: at('run', 'agent.sock') });
    expect((await stat(at('run', 'agent.sock'))).isSocket()).toBe(true);
    await expect(startMonitoring(config({ socket: at('none', 'deeper', 'agent.sock') }), log)).rejects.toMatchObject({
      reason: 'bad_config',
      message: `${at('none', 'deeper')} is not there: make it for the user of the agent, or choose another socket`,
    });
  });

  it('stops though somebody holds a connection', async () => {
    await start();
    const held = connect(socket());
    await new Promise((resolve) => held.once('connect', resolve));
    held.on('error', () => undefined);
    held.write('POST /v1/actions/tm/agent_local/monitor_ds HTTP/1.1\r\n');
    const closed = new Promise((resolve) => held.once('close', resolve));
    await running?.stop();
    running = undefined;
    await closed;
  });
});
