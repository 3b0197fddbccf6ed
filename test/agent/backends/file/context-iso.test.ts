import { mkdir, readdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ContextEntry, checkEntries, createContextIso, undoContextIso } from '../../../../agent/backends/file/context-iso.ts';
import { originName } from '../../../../agent/backends/file/context-origin.ts';
import { locate } from '../../../../agent/backends/file/places.ts';
import { run } from '../../../../agent/tools/run.ts';
import { fakeContext, lacks, temporaryDirectory } from '../../tools/context.ts';

const PLACE = { datastoreId: 0, path: '.isofiles/9/context' };
const incomplete = await lacks('xorriso');

async function setUp() {
  const base = await temporaryDirectory();
  const dirs = { datastores: path.join(base, 'datastores'), vmFiles: path.join(base, 'vms'), hostName: 'front' };
  await mkdir(path.join(dirs.vmFiles, '9'), { recursive: true });
  await mkdir(path.join(dirs.datastores, '2'), { recursive: true });
  await writeFile(path.join(dirs.vmFiles, '9/context.sh'), `ETH0_IP='192.0.2.1'\n`, { mode: 0o600 });
  await writeFile(path.join(dirs.datastores, '2/5af3'), 'init script\n', { mode: 0o600 });
  return { base, dirs, located: await locate(dirs.datastores, PLACE) };
}

const SCRIPT: ContextEntry = { origin: { from: 'vm', path: '9/context.sh' }, name: 'context.sh' };
const INIT: ContextEntry = { origin: { from: 'place', place: { datastoreId: 2, path: '5af3' } }, name: 'a longer name, init.sh' };

async function serve(answer: http.RequestListener): Promise<string> {
  const server = http.createServer(answer).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe.skipIf(incomplete)('the context image', () => {
  it('holds the files as a guest needs them', async () => {
    const { base, dirs, located } = await setUp();
    const url = await serve((_request, response) => response.end('from the web'));
    const web: ContextEntry = { origin: { from: 'url', url: `${url}/dir/web.txt?x=1` }, name: 'web.txt' };
    await createContextIso(located, [SCRIPT, INIT, web], dirs, fakeContext());
    expect(await readdir(located.directory)).toEqual(['context']);
    const iso = await readFile(located.path);
    expect(iso.toString('latin1', 0x8001, 0x8006)).toBe('CD001');
    expect(iso.toString('latin1', 0x8028, 0x8048).trim()).toBe('CONTEXT');
    // Joliet: a supplementary descriptor with its escape sequence.
    expect(iso.toString('latin1', 0x8801, 0x8806)).toBe('CD001');
    expect(iso.toString('latin1', 0x8858, 0x885a)).toBe('%/');
    const quiet = ['-no_rc', '-indev', located.path];
    const { stdout } = await run('xorriso', [...quiet, '-lsl', '/'], fakeContext());
    expect(stdout).toMatch(/-rw-r--r--\s+1 0\s+0\s+\d+ .* 'context\.sh'/u);
    expect(stdout).toContain(`'a longer name, init.sh'`);
    const out = path.join(base, 'out');
    await run('xorriso', [...quiet, '-osirrox', 'on', '-extract', '/', out], fakeContext());
    expect(await readFile(path.join(out, 'context.sh'), 'utf8')).toBe(`ETH0_IP='192.0.2.1'\n`);
    expect(await readFile(path.join(out, INIT.name), 'utf8')).toBe('init script\n');
    expect(await readFile(path.join(out, 'web.txt'), 'utf8')).toBe('from the web');
  });

  it('is the same for the same files', async () => {
    const { dirs, located } = await setUp();
    await createContextIso(located, [SCRIPT, INIT], dirs, fakeContext());
    const first = await readFile(located.path);
    await utimes(path.join(dirs.vmFiles, '9/context.sh'), 1, 1);
    await createContextIso(located, [INIT, SCRIPT], dirs, fakeContext({ operationId: 'op-2' }));
    expect(first.equals(await readFile(located.path))).toBe(true);
  });

  it('leaves the old one and no traces when a file cannot be had', async () => {
    const { dirs, located } = await setUp();
    await createContextIso(located, [SCRIPT], dirs, fakeContext());
    const before = await readFile(located.path);
    const missing: ContextEntry = { origin: { from: 'place', place: { datastoreId: 2, path: 'missing' } }, name: 'x' };
    await expect(createContextIso(located, [SCRIPT, missing], dirs, fakeContext())).rejects.toMatchObject({ reason: 'not_found' });
    await undoContextIso(located, 'op-1');
    expect(await readdir(located.directory)).toEqual(['context']);
    expect(before.equals(await readFile(located.path))).toBe(true);
  });

  it('reads nothing outside its directories', async () => {
    const { base, dirs, located } = await setUp();
    await symlink('/etc/passwd', path.join(dirs.vmFiles, '9/link'));
    await symlink(base, path.join(dirs.vmFiles, 'elsewhere'));
    const reasons = {
      '9/link': 'conflict',
      'elsewhere/vms/9/context.sh': 'outside_datastore',
      '../x': 'outside_datastore',
      '9': 'bad_argument',
    };
    for (const [file, reason] of Object.entries(reasons)) {
      const entry: ContextEntry = { origin: { from: 'vm', path: file }, name: 'x' };
      await expect(createContextIso(located, [entry], dirs, fakeContext())).rejects.toMatchObject({ reason });
    }
  });

  it('tells what a server said, without the query', async () => {
    const { dirs, located } = await setUp();
    const url = await serve((_request, response) => response.writeHead(404).end());
    const entry: ContextEntry = { origin: { from: 'url', url: `${url}/a?token=secret` }, name: 'a' };
    await expect(createContextIso(located, [entry], dirs, fakeContext())).rejects.toMatchObject({
      reason: 'origin_failed',
      message: `${url}/a: the server answered 404`,
    });
  });

  it('stops a download that is too large, and one that is cancelled', async () => {
    const { dirs, located } = await setUp();
    const controller = new AbortController();
    const block = Buffer.alloc(1024 * 1024);
    const url = await serve((request, response) => {
      if (request.url === '/hang') {
        response.write('x', () => controller.abort());
        return;
      }
      const more = (): void => {
        while (!response.destroyed && response.write(block));
        response.once('drain', more);
      };
      more();
    });
    const entry = (name: string): ContextEntry => ({ origin: { from: 'url', url: `${url}/${name}` }, name });
    await expect(createContextIso(located, [entry('big')], dirs, fakeContext())).rejects.toMatchObject({ reason: 'too_big' });
    await expect(createContextIso(located, [entry('hang')], dirs, fakeContext({ signal: controller.signal }))).rejects.toMatchObject({
      reason: 'cancelled',
    });
  });
});

describe('names in the context image', () => {
  it.each(['', '.', '..', 'a/b', 'a\nb', 'x'.repeat(300)])('refuses %j', (name) => {
    expect(() => checkEntries([{ ...SCRIPT, name }])).toThrow('is not a name');
  });

  it('refuses two files of one name, and takes the same file twice', () => {
    expect(() => checkEntries([SCRIPT, { ...INIT, name: 'context.sh' }])).toThrow(`two files of the context have the name 'context.sh'`);
    expect(checkEntries([SCRIPT, INIT, SCRIPT])).toEqual([SCRIPT, INIT]);
  });

  it('come from the origin', () => {
    expect(originName({ from: 'url', url: 'https://h/x/a%20b.sh?y#z' })).toBe('a b.sh');
    expect(originName({ from: 'vm', path: '9/context.sh' })).toBe('context.sh');
    expect(() => originName({ from: 'url', url: 'ftp://h/x' })).toThrow('is not a http or https address');
  });
});
