import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { deflateSync, gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { processesOf, temporaryNames, tree } from './leftovers.ts';
import { readDatagram } from './monitord.ts';
import { digestOf, gzipFile, makeRaw, startWebServer } from './origins.ts';
import { reservePorts } from './ports.ts';
import { Daemon } from './process.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'lab-parts-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

function shell(name: string, script: string): Daemon {
  const environment = { PATH: process.env['PATH'] ?? '' };
  const logFile = path.join(directory, `${name}.log`);
  return new Daemon({ name, program: 'sh', argv: ['-c', script], environment, logFile, ready: /ready/ });
}

describe('daemons', () => {
  it('wait for the ready line, end by a signal, and start again', async () => {
    const daemon = shell('good', `echo ready; exec tail -f /dev/null ${directory}`);
    await daemon.start();
    const pid = daemon.pid;
    expect(processesOf(directory).map((found) => found.pid)).toContain(pid);
    await daemon.kill('SIGKILL');
    expect(await daemon.exited).toBe('SIGKILL');
    await daemon.start();
    expect(daemon.pid).not.toBe(pid);
    await daemon.stop();
    expect(daemon.pid).toBeUndefined();
    expect(processesOf(directory)).toEqual([]);
  });

  it('say what a daemon printed that never became ready', async () => {
    await expect(shell('bad', 'echo no such key >&2; exit 1').start()).rejects.toThrow(/ended \(1\) before it was ready/);
  });
});

describe('ports', () => {
  it('gives each site its own block', async () => {
    const blocks = await Promise.all([reservePorts(3), reservePorts(3)]);
    const numbers = blocks.flatMap((block) => [...block.control, ...block.data.flatMap(({ first, last }) => [first, last])]);
    expect(new Set(numbers).size).toBe(numbers.length);
    await Promise.all(blocks.map((block) => block.release()));
  });
});

describe('origins', () => {
  it('makes a raw file of the given share of data, compresses and serves it', async () => {
    const raw = path.join(directory, 'a.raw');
    await makeRaw(raw, 16, 0.25);
    await gzipFile(raw, `${raw}.gz`);
    expect(gunzipSync(await readFile(`${raw}.gz`)).equals(await readFile(raw))).toBe(true);
    const server = await startWebServer(directory);
    const whole = Buffer.from(await (await fetch(`${server.url}/a.raw.gz`)).arrayBuffer());
    expect(whole.equals(await readFile(`${raw}.gz`))).toBe(true);
    const part = await fetch(`${server.url}/a.raw`, { headers: { range: 'bytes=4-7' } });
    expect([part.status, Buffer.from(await part.arrayBuffer())]).toEqual([206, (await readFile(raw)).subarray(4, 8)]);
    expect((await fetch(`${server.url}/nothing`)).status).toBe(404);
    await server.stop();
    expect(await digestOf(raw, 'md5')).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe('leftovers', () => {
  it('lists a tree and finds temporary names', async () => {
    await mkdir(path.join(directory, '107', '9'), { recursive: true });
    await writeFile(path.join(directory, '107', '9', '.onestorage.x.disk.0'), '');
    expect(tree(directory)).toEqual(['107/', '107/9/', '107/9/.onestorage.x.disk.0']);
    expect(temporaryNames(directory)).toEqual(['107/9/.onestorage.x.disk.0']);
  });
});

describe('datagrams', () => {
  it('are read as monitord reads them', () => {
    const payload = deflateSync('VM = [ ID = 7 ]').toString('base64');
    expect(readDatagram(`MONITOR_VM SUCCESS -1 0 ${payload}`)).toEqual({
      type: 'MONITOR_VM',
      status: 'SUCCESS',
      objectId: -1,
      epoch: 0,
      text: 'VM = [ ID = 7 ]',
    });
  });
});
