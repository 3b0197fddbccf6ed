import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { loadIdentity } from '../../runtime/identity/identity.ts';

const program = join(import.meta.dirname, '../../packaging/onestorage');
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'onestorage-cli-'));
});
afterEach(() => rm(directory, { recursive: true }));

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(
  words: readonly string[],
  { file = program, env = {} }: { file?: string; env?: Record<string, string> } = {},
): Promise<Answer> {
  return new Promise((resolve) => {
    const environment = { PATH: process.env['PATH'], HOME: directory, ...env };
    execFile(file, words, { env: environment, cwd: directory }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

describe('onestorage', () => {
  it('runs through a chain of links, with an environment that would break it', async () => {
    await symlink(program, join(directory, 'first'));
    await symlink('first', join(directory, 'second'));
    const env = { NODE_OPTIONS: '--no-such-option', HTTPS_PROXY: 'http://127.0.0.1:1', NODE_EXTRA_CA_CERTS: '/nowhere' };
    expect(await run(['--version'], { file: join(directory, 'second'), env })).toEqual({
      code: 0,
      stdout: `${manifest.version}\n`,
      stderr: '',
    });
    expect((await stat(join(directory, '.cache/onestorage'))).isDirectory()).toBe(true);
  });

  it('runs without a home', async () => {
    expect(await run(['--version'], { env: { HOME: '/proc/nowhere' } })).toMatchObject({ code: 0, stderr: '' });
  });

  it.each([
    { words: ['bogus'], says: "onestorage: unknown command 'bogus'" },
    { words: ['pki', 'issue', 'ca', '--out', 'x'], says: "onestorage: required option '--role <role>' not specified" },
    { words: ['pki', 'renew', 'ca', 'x', '--days', '0'], says: 'Not a number of days from 1 to 3650.' },
    { words: ['agent', '--confg', 'x'], says: "onestorage: unknown option '--confg'" },
  ])('called wrongly ($words) says so and exits with 2', async ({ words, says }) => {
    const answer = await run(words);
    expect(answer).toMatchObject({ code: 2, stdout: '' });
    expect(answer.stderr).toContain(says);
  });

  it('prints help with examples', async () => {
    expect((await run(['--help'])).stdout).toContain('Usage: onestorage [options] [command]');
    expect((await run(['help', 'pki', 'issue'])).stdout).toContain('--machine-id');
    expect((await run(['pki', '--help'])).stdout).toContain('onestorage pki init /root/onestorage-ca');
  });
});

describe('onestorage pki', () => {
  it('makes an authority once, issues, shows and renews', async () => {
    const authority = join(directory, 'ca');
    expect(await run(['pki', 'init', 'ca'])).toMatchObject({ code: 0, stderr: '' });
    const before = await readFile(join(authority, 'ca-key.pem'), 'utf8');
    expect(await run(['pki', 'init', 'ca'])).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'onestorage: ca holds an authority already and is not overwritten\n  hint: choose another name; remove nothing that may still be needed\n',
    });
    expect(await readFile(join(authority, 'ca-key.pem'), 'utf8')).toBe(before);
    expect((await stat(join(authority, 'ca-key.pem'))).mode & 0o777).toBe(0o600);

    const issue = ['pki', 'issue', 'ca', '--role', 'agent', '--host', 'host01', '--address', '10.0.0.1', '--out', 'host01'];
    expect(await run(issue)).toMatchObject({ code: 1, stderr: expect.stringContaining('an agent needs a machine id') });
    expect(await run([...issue, '--machine-id', 'abc'])).toMatchObject({ code: 0 });
    expect((await stat(join(directory, 'host01/key.pem'))).mode & 0o777).toBe(0o600);
    expect(await run([...issue, '--machine-id', 'abc'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('holds a certificate already'),
    });
    const first = await loadIdentity(join(directory, 'host01'), 'agent');
    expect(first).toMatchObject({ hostName: 'host01', machineId: 'abc' });

    expect(await run(['pki', 'renew', 'ca', 'host01', '--days', '3'])).toMatchObject({ code: 0 });
    const renewed = await loadIdentity(join(directory, 'host01'), 'agent');
    expect(renewed.notAfter.getTime()).toBeLessThan(first.notAfter.getTime());
    expect(renewed).toMatchObject({ hostName: 'host01', machineId: 'abc', key: first.key });

    const shown: unknown = JSON.parse((await run(['pki', 'show', '--json', 'host01'])).stdout);
    expect(shown).toMatchObject({ role: 'agent', hostName: 'host01', machineId: 'abc', daysLeft: 2, addresses: ['10.0.0.1'] });
    expect((await run(['pki', 'show', 'host01'])).stdout).toContain('machine id abc\n');
  });

  it('uses the key a killed run left behind', async () => {
    await run(['pki', 'init', 'ca']);
    const key = await readFile(join(directory, 'ca/ca-key.pem'), 'utf8');
    await rm(join(directory, 'ca/ca.pem'));
    expect(await run(['pki', 'init', 'ca'])).toMatchObject({ code: 0 });
    expect(await readFile(join(directory, 'ca/ca-key.pem'), 'utf8')).toBe(key);
  });

  it('refuses names that would not stay one name', async () => {
    await run(['pki', 'init', 'ca']);
    for (const host of ['a, DNS:evil', '-x', 'a\nb', '']) {
      expect(await run(['pki', 'issue', 'ca', '--role', 'admin', `--host=${host}`, '--out', 'out'])).toMatchObject({ code: 1 });
    }
    await expect(stat(join(directory, 'out'))).rejects.toThrow('ENOENT');
  });
});
