import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ACTION_ROWS } from '../../shims/actions.ts';
import { failure, Place, Scripted, success } from '../controller/server/scripted.ts';

const SHIM = fileURLToPath(new URL('../../shims/shim.sh', import.meta.url));
/** The first is dash on Debian and bash on RHEL; both are tried everywhere. */
const SHELLS = { sh: ['/bin/sh'], dash: ['dash'], 'bash as sh': ['bash', '--posix'] } as const;

function has(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => existsSync(join(directory, program)));
}

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let place: Place;

beforeEach(() => {
  place = new Place();
});
afterEach(() => place.end());

/** The link that oned would run. */
function link(name: string): string {
  const path = join(place.directory, 'remotes', name);
  mkdirSync(join(path, '..'), { recursive: true });
  if (!existsSync(path)) symlinkSync(SHIM, path);
  return path;
}

function start(
  name: string,
  argv: readonly string[],
  more: { env?: Record<string, string>; shell?: readonly string[]; stdin?: string | Buffer; keepStdin?: true } = {},
) {
  const [program, ...rest] = [...(more.shell ?? []), link(name), ...argv];
  const env = {
    PATH: process.env['PATH'] ?? '',
    ONESTORAGE_SOCKET: place.socket,
    http_proxy: 'http://127.0.0.1:1',
    ALL_PROXY: 'http://127.0.0.1:1',
    ...more.env,
  };
  const child = spawn(program ?? '', rest, { env, cwd: place.directory, stdio: 'pipe' });
  // Killed or refused before it has read everything: not this test's business.
  child.stdin.on('error', () => undefined);
  if (more.keepStdin === undefined) child.stdin.end(more.stdin ?? '');
  return { child, result: finish(child) };
}

async function finish(child: ChildProcess): Promise<Result> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // close, not exit: it comes when nobody holds the output any more.
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

async function run(...words: Parameters<typeof start>): Promise<Result> {
  return await start(...words).result;
}

/** Processes that still carry this test's socket on their command line. */
function leftovers(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'latin1');
      } catch {
        return '';
      }
    })
    .filter((line) => line.includes(place.socket));
}

const CP = 'datastore/agent_fs/cp';
const CLONE = 'tm/agent_local/clone';

describe.each(Object.entries(SHELLS))('the shim run by %s', (_, shell) => {
  const program = shell[0];
  const absent = process.env['CI'] !== 'true' && !program.startsWith('/') && !has(program);

  it.skipIf(absent)('hands over words, input, driver and action, and prints what comes back', async () => {
    const handler = new Scripted((_call, sink) => {
      sink.log('info', 'began with \\n %s');
      sink.log('warn', 'careful');
      sink.log('error', 'oh');
      sink.log('debug', 'so');
      return success('  /a b\\c %d "q" žluť  ');
    });
    await place.serve(handler);
    const argv = [
      'a b',
      '',
      'back\\slash \\n',
      '%s %% $HOME `id` $(id)',
      '"double" \'single\'',
      'žluťoučký 💾',
      '-o',
      ';type=x',
      '@/etc/passwd',
      '<x',
      '*',
    ];
    const result = await run(CP, argv, { shell, stdin: 'PHhtbD4=' });
    expect(result).toEqual({
      code: 0,
      stdout: '/a b\\c %d "q" žluť\n',
      stderr: 'INFO: began with \\n %s\nWARN: careful\nERROR: oh\nDEBUG: so\n',
    });
    expect(handler.calls).toMatchObject([{ action: 'ds/cp', driver: 'agent_fs', suffix: undefined, argv, stdin: 'PHhtbD4=' }]);
    expect(handler.calls[0]?.key).toMatch(/^[0-9a-f-]{36}$/);
  });

  it.skipIf(absent)('fails with one line without a prefix', async () => {
    await place.serve(new Scripted(() => failure('clone: no space left in datastore 104')));
    expect(await run(`${CLONE}.ssh`, ['x'], { shell })).toEqual({ code: 1, stdout: '', stderr: 'clone: no space left in datastore 104\n' });
  });

  it.skipIf(absent)('is cancelled by SIGTERM', async () => {
    const handler = new Scripted(async (_call, sink, cancelled) => {
      sink.log('info', 'began');
      return failure(await cancelled);
    });
    await place.serve(handler);
    const { child, result } = start(CLONE, ['x'], { shell });
    await once(child.stderr, 'data');
    child.kill('SIGTERM');
    const { code, stdout, stderr } = await result;
    expect({ code, stdout }).toEqual({ code: 143, stdout: '' });
    expect(stderr).toBe(`INFO: began\ntm/clone was stopped by a signal: its operation ${handler.calls[0]?.key} is cancelled\n`);
    expect(handler.cancels).toEqual([handler.calls[0]?.key]);
    await vi.waitFor(() => expect(leftovers()).toEqual([]), { timeout: 20_000 });
  });

  it.skipIf(absent)('comes back with the same key when the controller is restarted', async () => {
    const first = new Scripted(async (_call, sink) => {
      sink.log('info', 'first');
      return await new Promise(() => undefined);
    });
    const server = await place.serve(first);
    const { result } = start(CP, ['7'], { shell, stdin: 'document' });
    await first.called();
    await server.stop();
    const second = new Scripted(() => success('source raw'));
    await place.serve(second);
    expect(await result).toEqual({ code: 0, stdout: 'source raw\n', stderr: 'INFO: first\n' });
    expect(second.calls).toEqual(first.calls);
  });
});

describe('the shim', () => {
  it('reads the input of exactly the actions that have one', async () => {
    const handler = new Scripted(() => success());
    await place.serve(handler);
    for (const [name, row] of ACTION_ROWS) {
      const path = `${row.kind === 'ds' ? 'datastore/agent_fs' : 'tm/agent_local'}/${name.slice(3)}`;
      // Without an input the standard input stays open: an action that read it would never end.
      const more = row.stdin === 'none' ? ({ keepStdin: true } as const) : { stdin: 'document' };
      const { child, result } = start(path, ['1'], { ...more, env: { ONESTORAGE_AGENT_SOCKET: place.socket } });
      const { code, stderr } = await result;
      child.stdin.destroy();
      expect([name, code, stderr]).toEqual([name, 0, '']);
      expect([name, handler.calls.at(-1)?.action, handler.calls.at(-1)?.stdin]).toEqual([
        name,
        name,
        row.stdin === 'none' ? '' : 'document',
      ]);
    }
  });

  it('carries 16 MiB of input, and refuses one byte more', async () => {
    const handler = new Scripted((call) => success(createHash('sha256').update(call.stdin).digest('hex')));
    await place.serve(handler);
    const input = Buffer.alloc(16 * 2 ** 20, 'PEltYWdlPg==\\%s');
    const result = await run(CP, ['1'], { stdin: input });
    expect(result).toEqual({ code: 0, stdout: `${createHash('sha256').update(input).digest('hex')}\n`, stderr: '' });
    const more = await run(CP, ['1'], { stdin: Buffer.concat([input, Buffer.from('x')]) });
    expect(more).toEqual({ code: 1, stdout: '', stderr: 'ds/cp: the input is larger than 16 MiB\n' });
    expect(handler.calls).toHaveLength(1);
  });

  it('prints several lines where that is allowed', async () => {
    const text = Array.from({ length: 200 }, (_, i) => `VM = [ ID = ${i}, MONITOR = "${'x'.repeat(300)}\\n" ]`).join('\n');
    await place.serve(new Scripted(() => success(text)));
    expect(await run('datastore/agent_fs/export', ['1'])).toEqual({ code: 0, stdout: `${text}\n`, stderr: '' });
  });

  it('says nothing of the log to 6.10', async () => {
    const handler = new Scripted((_call, sink) => {
      sink.log('error', 'detail');
      return failure('broken');
    });
    await place.serve(handler, '6.10');
    expect(await run(CLONE, ['x'])).toEqual({ code: 1, stdout: '', stderr: 'broken\n' });
  });

  it('says in one line that the controller is not there', async () => {
    const result = await run(CLONE, ['x'], { env: { ONESTORAGE_CONNECT_SECONDS: '0' } });
    expect(result).toEqual({
      code: 1,
      stdout: '',
      stderr: `onestorage controller does not answer on ${place.socket}: start it with systemctl start onestorage-controller\n`,
    });
  });

  it('waits for a controller that is being started', async () => {
    const handler = new Scripted(() => success());
    const { result } = start(CLONE, ['x']);
    await place.serve(handler);
    expect(await result).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('comes back to the successor of a controller that was killed', async () => {
    const code = `require('node:http').createServer((_, response) => response.write('A\\nIaccepted\\nOnever printed\\n')).listen(process.argv[1], () => process.stdout.write('up'))`;
    const dying = spawn(process.execPath, ['-e', code, place.socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(dying.stdout, 'data');
    const { child, result } = start(CP, ['1'], { stdin: 'document' });
    await once(child.stderr, 'data');
    dying.kill('SIGKILL');
    await once(dying, 'exit');
    const handler = new Scripted(() => success('source raw'));
    await place.serve(handler);
    expect(await result).toEqual({ code: 0, stdout: 'source raw\n', stderr: 'INFO: accepted\n' });
    expect(handler.calls[0]?.stdin).toBe('document');
  });

  it('gives up a controller that does not come back', async () => {
    const handler = new Scripted(() => new Promise(() => undefined));
    const server = await place.serve(handler);
    const { result } = start(CLONE, ['x'], { env: { ONESTORAGE_RECONNECT_SECONDS: '0' } });
    await handler.called();
    await server.stop();
    const { code, stderr } = await result;
    expect(code).toBe(1);
    expect(stderr).toBe(
      `onestorage controller went away and did not come back on ${place.socket}; the operation may still run: onestorage ops show ${handler.calls[0]?.key}\n`,
    );
  });

  it('ends by SIGTERM though the controller hangs', async () => {
    // Accepts, and never says a word.
    const mute = createServer(() => undefined);
    const connected = once(mute, 'connection');
    mute.listen(place.socket);
    await once(mute, 'listening');
    const { child, result } = start(CLONE, ['x']);
    await connected;
    child.kill('SIGTERM');
    const { code, stderr } = await result;
    expect(code).toBe(143);
    expect(stderr).toMatch(
      /^tm\/clone was stopped by a signal; its operation [0-9a-f-]{36} was not cancelled, see: onestorage ops show [0-9a-f-]{36}\n$/,
    );
    await vi.waitFor(() => expect(leftovers()).toEqual([]), { timeout: 20_000 });
    mute.close();
  });

  it('ends by SIGTERM while it waits for a controller', async () => {
    const probe = createServer((socket) => socket.destroy());
    const tried = once(probe, 'connection');
    probe.listen(place.socket);
    await once(probe, 'listening');
    const { child, result } = start(CLONE, ['x']);
    await tried;
    child.kill('SIGTERM');
    expect((await result).code).toBe(143);
    probe.close();
  });

  it('asks the agent of the host for what runs on the host', async () => {
    const handler = new Scripted(() => success('VM = [ ID = 0, MONITOR = "x" ]\nVM = [ ID = 1, MONITOR = "y" ]'));
    await place.serve(handler);
    const result = await run('tm/agent_local/monitor_ds', ['/v/0'], {
      env: { ONESTORAGE_SOCKET: '/nowhere', ONESTORAGE_AGENT_SOCKET: place.socket },
    });
    expect(result.stdout.split('\n')).toHaveLength(3);
    expect(handler.calls).toMatchObject([{ action: 'tm/monitor_ds', argv: ['/v/0'] }]);
  });

  it('asks nobody about the move of a disk, which moves with its directory', async () => {
    const handler = new Scripted(() => success());
    const words = (name: string) => [`a:/ds/107/9/${name}`, `b:/ds/107/9/${name}`, '9', '107'];
    // No controller is there yet.
    for (const name of ['disk.0', 'disk.12']) {
      expect(await run('tm/agent_local/mv', words(name))).toEqual({ code: 0, stdout: '', stderr: '' });
    }
    await place.serve(handler);
    for (const argv of [
      words('disk.'),
      words('disk.0x'),
      words('xdisk.0'),
      words('disk.0').slice(1),
      ['a:/ds/107/9', ...words('disk.0').slice(1)],
    ]) {
      await run('tm/agent_local/mv', argv);
    }
    await run('tm/agent_ceph/mv', words('disk.0'));
    await run('tm/agent_local/mvds', words('disk.0'));
    expect(handler.calls).toHaveLength(7);
  });

  it('can be called by a relative name', async () => {
    const handler = new Scripted(() => success());
    await place.serve(handler);
    link(CLONE);
    const env = { PATH: process.env['PATH'] ?? '', ONESTORAGE_SOCKET: place.socket };
    for (const [cwd, name] of [
      ['remotes', `./${CLONE}`],
      ['remotes', CLONE],
      ['remotes/tm/agent_local', './clone'],
    ] as const) {
      const child = spawn(name, ['x'], { cwd: join(place.directory, cwd), env, stdio: ['ignore', 'pipe', 'pipe'] });
      expect(await finish(child)).toEqual({ code: 0, stdout: '', stderr: '' });
    }
    expect(handler.calls.map((call) => `${call.driver} ${call.action}`)).toEqual(Array.from({ length: 3 }, () => 'agent_local tm/clone'));
  });

  it('says how it must be called', async () => {
    const child = spawn(SHIM, [], { stdio: ['ignore', 'pipe', 'pipe'] });
    const { code, stderr } = await finish(child);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^onestorage shim: call it as tm\/<driver>\/<action> or datastore\/<driver>\/<action>, not as [^\n]+\n$/);
  });
});
