import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { findProgram } from '../../../agent/tools/programs.ts';
import { run, start } from '../../../agent/tools/run.ts';
import { StorageError } from '../../../runtime/errors.ts';
import type { Figures } from '../../../runtime/operations/types.ts';
import { lacks, temporaryDirectory } from './context.ts';

const PATH = process.env['PATH'];
let directory: string;
const noSetpriv = await lacks('setpriv');

beforeEach(async () => {
  directory = await temporaryDirectory();
  process.env['PATH'] = `${directory}:${PATH}`;
});
afterEach(() => {
  process.env['PATH'] = PATH;
});

/** Stands in for a program of the table. */
async function standIn(body: string): Promise<void> {
  const file = path.join(directory, 'lzop');
  await writeFile(file, `#!/bin/sh\n${body}\n`);
  await chmod(file, 0o755);
}

/** Not there, or ended and only not yet collected by its parent. */
function isGone(pid: number): boolean {
  try {
    return /^State:\s+[ZX]/mu.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
}

const { signal } = new AbortController();

describe('run', () => {
  it('gives what the program wrote', async () => {
    await standIn('echo out; echo err >&2');
    expect(await run('lzop', [], { signal })).toEqual({ stdout: 'out\n', stderr: 'err\n', code: 0 });
  });

  it('passes arguments as they are, without a shell', async () => {
    await standIn('for a in "$@"; do echo "[$a]"; done');
    const { stdout } = await run('lzop', ['a b', '$(id)', '', '-x; y'], { signal });
    expect(stdout).toBe('[a b]\n[$(id)]\n[]\n[-x; y]\n');
  });

  it('closes stdin when there is no input, and passes it when there is', async () => {
    await standIn('cat');
    expect((await run('lzop', [], { signal })).stdout).toBe('');
    const input = 'x'.repeat(300_000);
    expect((await run('lzop', [], { signal, input })).stdout).toBe(input);
  });

  it('lets a program end without reading its input', async () => {
    await standIn('exit 0');
    expect((await run('lzop', [], { signal, input: Buffer.alloc(4 * 1024 * 1024) })).code).toBe(0);
  });

  it('hands on a short environment', async () => {
    await standIn('env');
    process.env['ONE_SECRET'] = 'x';
    process.env['NODE_OPTIONS'] = '--no-warnings';
    onTestFinished(() => {
      delete process.env['ONE_SECRET'];
      delete process.env['NODE_OPTIONS'];
    });
    const { stdout } = await run('lzop', [], { signal, env: { SOURCE_DATE_EPOCH: '5' } });
    const names = stdout
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0])
      .filter((name) => name !== 'PWD' && name !== '_' && name !== 'SHLVL' && name !== 'OLDPWD');
    expect(['HOME', 'LANG', 'LC_ALL', 'PATH', 'SOURCE_DATE_EPOCH', 'TMPDIR']).toEqual(expect.arrayContaining(names));
    expect(stdout).toContain('LC_ALL=C\n');
  });

  it('says what a missing program is called and where it comes from', async () => {
    process.env['PATH'] = directory;
    if ((await findProgram('lzop')) !== undefined) return;
    await expect(run('lzop', [], { signal })).rejects.toMatchObject({
      reason: 'missing_program',
      message: 'lzop is not installed on this host (package lzop)',
    });
  });

  it('fails with the last line of stderr', async () => {
    await standIn('echo first >&2; echo "lzop: it broke" >&2; exit 3');
    const error = await run('lzop', ['a'], { signal }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ reason: 'tool_failed', message: 'lzop: it broke' });
    expect((error as StorageError).detail).toContain('lzop a: exit code 3\nfirst\n');
  });

  it('takes other exit codes when told to', async () => {
    await standIn('exit 3');
    expect((await run('lzop', [], { signal, okCodes: [0, 3] })).code).toBe(3);
  });

  it('tells a full disk and a locked image from other failures', async () => {
    await standIn('echo "lzop: write: No space left on device" >&2; echo "giving up" >&2; exit 1');
    await expect(run('lzop', [], { signal })).rejects.toMatchObject({ reason: 'no_space' });
    await standIn(`echo 'lzop: Failed to get "write" lock' >&2; echo 'Is another process using the image?' >&2; exit 1`);
    await expect(run('lzop', [], { signal })).rejects.toMatchObject({ reason: 'in_use', message: 'lzop: Failed to get "write" lock' });
  });

  it('says which signal ended it', async () => {
    await standIn('kill -SEGV $$');
    await expect(run('lzop', [], { signal })).rejects.toMatchObject({ message: 'lzop: ended by SIGSEGV' });
  });

  it('keeps the end of a long stderr', async () => {
    await standIn('i=0; while [ $i -lt 20000 ]; do echo "line $i of many" >&2; i=$((i+1)); done; exit 1');
    const error = (await run('lzop', [], { signal }).catch((thrown: unknown) => thrown)) as StorageError;
    expect(error.message).toBe('lzop: line 19999 of many');
    expect(error.detail?.length).toBeLessThan(70 * 1024);
  });

  it('ends a program that writes too much', async () => {
    await standIn('while :; do echo 0123456789012345678901234567890123456789; done');
    await expect(run('lzop', [], { signal, stdoutLimit: 10_000 })).rejects.toMatchObject({ reason: 'too_big' });
  });

  it('hands on lines, also those ended by a carriage return', async () => {
    await standIn(`printf 'a\\rb\\nc\\r\\nrest'; printf 'e\\n' >&2`);
    const seen: string[] = [];
    await run('lzop', [], { signal, onLine: (line, stream) => seen.push(`${stream} ${line}`) });
    expect(seen.filter((line) => line.startsWith('stdout'))).toEqual(['stdout a', 'stdout b', 'stdout c', 'stdout rest']);
    expect(seen).toContain('stderr e');
  });

  it('ends the whole process group on abort and waits for that', async () => {
    await standIn(`sleep 1000 & echo $! > '${directory}/pid'; echo ready; wait`);
    const controller = new AbortController();
    const running = run('lzop', [], { signal: controller.signal, onLine: () => controller.abort() });
    await expect(running).rejects.toMatchObject({ reason: 'cancelled' });
    const child = Number(await readFile(path.join(directory, 'pid'), 'utf8'));
    // Its pipes are closed; the kernel may still be at the rest of its end.
    await expect.poll(() => isGone(child)).toBe(true);
  });

  it('fails with what aborted it', async () => {
    await standIn('echo ready; sleep 1000');
    const controller = new AbortController();
    const superseded = new StorageError('superseded', 'given up');
    await expect(run('lzop', [], { signal: controller.signal, onLine: () => controller.abort(superseded) })).rejects.toBe(superseded);
    await expect(run('lzop', [], { signal: AbortSignal.abort() })).rejects.toMatchObject({ reason: 'cancelled' });
  });

  it('ends a program that takes too long', async () => {
    await standIn('sleep 1000');
    await expect(run('lzop', [], { signal, timeoutMs: 50 })).rejects.toMatchObject({ reason: 'timeout' });
  });

  it('leaves no child of a child behind', async () => {
    await standIn(`sleep 1000 >/dev/null 2>&1 & echo $!`);
    const { stdout } = await run('lzop', [], { signal });
    await expect.poll(() => isGone(Number(stdout))).toBe(true);
  });

  it.skipIf(noSetpriv)('dies with the agent, however that ends', async () => {
    await standIn('echo $$; exec sleep 1000');
    const module = path.resolve(import.meta.dirname, '../../../agent/tools/run.ts');
    const script = `const { run } = await import(${JSON.stringify(module)});
      await run('lzop', [], { signal: new AbortController().signal, onLine: (line) => process.stdout.write(line) });`;
    const agent = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [pid] = (await once(agent.stdout, 'data')) as [Buffer];
    expect(isGone(Number(pid))).toBe(false);
    agent.kill('SIGKILL');
    await once(agent, 'exit');
    await expect.poll(() => isGone(Number(pid))).toBe(true);
  });

  it('counts the process and leaves no listener on the signal', async () => {
    await standIn('exit 0');
    const { signal: own } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = own;
    own.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners += 1;
      addEventListener.apply(own, args);
    };
    own.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners -= 1;
      removeEventListener.apply(own, args);
    };
    const counted: Partial<Figures>[] = [];
    await run('lzop', [], { signal: own, count: (figures) => counted.push(figures) });
    expect(counted).toEqual([{ processes: 1 }]);
    expect(listeners).toBe(0);
  });

  it('limits memory where asked to', async () => {
    await standIn('ulimit -v');
    const { stdout } = await run('lzop', [], { signal, limits: { addressSpace: 2 ** 30, cpuSeconds: 30 } });
    expect(stdout.trim()).toBe(String(2 ** 20));
  });
});

describe('start', () => {
  it('gives a running child that can be ended', async () => {
    await standIn('echo up; exec sleep 1000');
    const child = await start('lzop', [], { signal });
    child.stderr.resume();
    for await (const chunk of child.stdout) {
      expect(String(chunk)).toBe('up\n');
      break;
    }
    expect(await child.kill()).toMatchObject({ code: null, signal: 'SIGTERM' });
    expect(isGone(child.pid)).toBe(true);
  });
});
