import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { StorageError } from '../../runtime/errors.ts';
import { armFailpoints, failpoint } from '../../runtime/failpoint.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

function arm(points: string): void {
  cleanups.push(armFailpoints(points));
}

function runProgram(points: string): { child: ChildProcess; output: Promise<string> } {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'failpoint-program.ts')], {
    env: { PATH: process.env['PATH'], ONESTORAGE_FAILPOINTS: points },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { child, output: text(child.stdout!) };
}

async function appears(directory: string, name: string): Promise<void> {
  const abort = new AbortController();
  const seen = Promise.withResolvers<void>();
  watch(directory, { signal: abort.signal }, (_event, file) => {
    if (file === name) seen.resolve();
  });
  await access(join(directory, name)).then(seen.resolve, () => undefined);
  await seen.promise;
  abort.abort();
}

describe('a failpoint', () => {
  it('does nothing when it is not armed', async () => {
    await failpoint('copy.rename');
    arm('other=reason:no_space');
    await failpoint('copy.rename');
  });

  it('kills the process without a trace', async () => {
    const { child, output } = runProgram('copy.rename=kill');
    const [, signal] = await once(child, 'close');
    expect(signal).toBe('SIGKILL');
    expect(await output).toBe('before\n');
  });

  it('fails with a reason, an errno, by the beginning of its name', async () => {
    arm('fetch.*=reason:no_space;write=errno:EIO');
    await expect(failpoint('fetch.begin')).rejects.toMatchObject({ reason: 'no_space', message: 'failpoint fetch.begin' });
    await expect(failpoint('write')).rejects.toMatchObject({ code: 'EIO' });
    await failpoint('fetch');
  });

  it('takes a * in a name for anything, and all else as it stands', async () => {
    arm('copy *.iso.begin=reason:no_space');
    await expect(failpoint('copy 41.iso.begin')).rejects.toMatchObject({ reason: 'no_space' });
    await failpoint('copy 41.iso.end');
    await failpoint('copy 41xiso.begin');
  });

  it('pauses until it is aborted, with the reason of the abort', async () => {
    arm('a=pause; b=sleep:60000');
    for (const name of ['a', 'b']) {
      const mine = new AbortController();
      const paused = failpoint(name, mine.signal);
      mine.abort(new StorageError('superseded', 'enough'));
      await expect(paused).rejects.toMatchObject({ reason: 'superseded' });
    }
  });

  it('holds while a file exists, and says that it does', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'onestorage-failpoint-'));
    cleanups.push(() => rm(directory, { recursive: true }));
    const file = join(directory, 'hold');
    await writeFile(file, '');
    arm(`a=hold:${file}`);
    let passed = false;
    const held = failpoint('a').then(() => {
      passed = true;
    });
    await appears(directory, 'hold.reached');
    expect(passed).toBe(false);
    await rm(file);
    await held;
    expect(passed).toBe(true);
  });

  it.each(['nonsense', 'a=explode', 'a=sleep', 'a=sleep:-1', 'a=reason:bad_luck', 'a=hold:relative', 'a=errno:5', '=kill'])(
    'refuses %s at the first use, whatever its name',
    async (points) => {
      arm(points);
      await expect(failpoint('b')).rejects.toMatchObject({ reason: 'bad_config', message: expect.stringContaining(points) });
    },
  );
});
