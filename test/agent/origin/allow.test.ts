import { execFileSync } from 'node:child_process';
import { link, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isWithin, openAllowed, type PathRules } from '../../../agent/origin/allow.ts';
import { failureOf, scratch } from './helpers.ts';

let root: Awaited<ReturnType<typeof scratch>>;
let safe: string;
let outside: string;

beforeAll(async () => {
  root = await scratch();
  safe = join(root.path, 'tmp');
  outside = join(root.path, 'tmp_evil');
  for (const directory of [safe, outside, join(root.path, 'keys')]) await mkdir(directory);
  for (const directory of [safe, outside, join(root.path, 'keys')]) await writeFile(join(directory, 'image'), 'content');
});
afterAll(() => root.remove());

const rules = (more: Partial<PathRules> = {}): PathRules => ({
  safe: [safe],
  restricted: ['/'],
  never: [join(root.path, 'keys')],
  ...more,
});

async function verdict(path: string, given = rules()): Promise<string> {
  try {
    const file = await openAllowed(path, given);
    await file.handle.close();
    return 'allowed';
  } catch (thrown) {
    return (thrown as { reason: string }).reason;
  }
}

describe('local files as images', () => {
  it('allows what lies in a safe directory', async () => {
    const file = await openAllowed(join(safe, 'image'), rules());
    expect(file).toMatchObject({ path: join(safe, 'image'), size: 7 });
    await file.handle.close();
  });

  it('compares by path component', async () => {
    expect(await verdict(join(outside, 'image'))).toBe('restricted_path');
    expect(await verdict(join(outside, 'image'), rules({ safe: [], restricted: [safe] }))).toBe('allowed');
    expect(await verdict(join(safe, 'image'), rules({ safe: [`${safe}/`] }))).toBe('allowed');
  });

  it('follows links and judges where they lead', async () => {
    await symlink(join(outside, 'image'), join(safe, 'link'));
    await symlink(outside, join(safe, 'directory-link'));
    await symlink(join(safe, 'image'), join(outside, 'into-safe'));
    expect(await verdict(join(safe, 'link'))).toBe('restricted_path');
    expect(await verdict(join(safe, 'directory-link', 'image'))).toBe('restricted_path');
    expect(await verdict(join(safe, '..', 'tmp_evil', 'image'))).toBe('restricted_path');
    expect(await verdict(join(outside, 'into-safe'))).toBe('allowed');
  });

  it('restricts what a restricted link points at, too', async () => {
    await symlink(outside, join(root.path, 'alias'));
    expect(await verdict(join(outside, 'image'), rules({ safe: [], restricted: [join(root.path, 'alias')] }))).toBe('restricted_path');
  });

  it('restricts the directories of OpenNebula and the home directory without being told', async () => {
    expect(await verdict('/var/lib/one/.one/one_auth', rules({ safe: [], restricted: [] }))).toBe('restricted_path');
    expect(await verdict('/etc/one/oned.conf', rules({ safe: [], restricted: [] }))).toBe('restricted_path');
    const before = process.env['HOME'];
    process.env['HOME'] = outside;
    try {
      expect(await verdict(join(outside, 'image'), rules({ safe: [], restricted: [] }))).toBe('restricted_path');
      expect(await verdict(join(outside, 'image'), rules({ safe: [outside], restricted: [] }))).toBe('allowed');
    } finally {
      process.env['HOME'] = before;
    }
  });

  it('never allows its own keys, not even in a safe directory', async () => {
    expect(await verdict(join(root.path, 'keys', 'image'), rules({ safe: ['/'] }))).toBe('restricted_path');
  });

  it('does not tell whether a restricted file exists', async () => {
    expect(await verdict(join(outside, 'missing'))).toBe('restricted_path');
    expect(await verdict(join(outside, 'missing', 'deeper'))).toBe('restricted_path');
    expect(await verdict(join(outside, 'image', 'deeper'))).toBe('restricted_path');
    expect(await verdict(outside)).toBe('restricted_path');
    expect(await verdict(join(safe, 'missing'))).toBe('not_found');
  });

  it('takes regular files only, and a pipe does not block it', async () => {
    execFileSync('mkfifo', [join(safe, 'pipe')]);
    expect(await verdict(join(safe, 'pipe'))).toBe('bad_argument');
    expect(await verdict(safe)).toBe('bad_argument');
    expect(await verdict('/dev/null', rules({ safe: ['/dev'] }))).toBe('bad_argument');
  });

  it('keeps hold of what it opened when the name is given to another file', async () => {
    await link(join(safe, 'image'), join(safe, 'swapped'));
    const file = await openAllowed(join(safe, 'swapped'), rules());
    await writeFile(join(safe, 'other'), 'something else');
    execFileSync('ln', ['-sfn', join(outside, 'image'), join(safe, 'swapped')]);
    expect((await file.handle.readFile()).toString()).toBe('content');
    await file.handle.close();
  });

  it('refuses words that would mean nothing', async () => {
    for (const word of ['/srv/.*', 'srv', '/a|/b', '/srv/im[a-z]ge']) {
      expect(await failureOf(openAllowed(join(safe, 'image'), rules({ restricted: [word] })))).toMatchObject({ reason: 'bad_argument' });
    }
  });

  it('knows what is within what', () => {
    const name = fc.stringMatching(/^[a-z._]{1,6}$/u).filter((word) => word !== '.' && word !== '..');
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), name, (words, more) => {
        const directory = `/${words.join('/')}`;
        expect(isWithin(directory, directory)).toBe(true);
        expect(isWithin(`${directory}/${more}`, directory)).toBe(true);
        expect(isWithin(`${directory}${more}`, directory)).toBe(false);
        expect(isWithin('/', directory)).toBe(false);
        expect(isWithin(directory, '/')).toBe(true);
      }),
    );
  });
});
