import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { agentConfigSchema } from '../agent/config.ts';
import { controllerConfig } from '../controller/config.ts';
import { DRIVERS } from '../controller/drivers.ts';

const root = join(import.meta.dirname, '..');
const text = readFileSync(join(root, 'README.md'), 'utf8');
const scripts = Object.keys((JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }).scripts);

/** The fenced blocks of one kind, in order. */
function blocks(kind: string): string[] {
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].filter(([, found]) => found === kind).map(([, , body = '']) => body);
}

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'onestorage-readme-'));
  mkdirSync(join(directory, 'remotes'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const folders = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '--', '*/README.md'], { cwd: root, encoding: 'utf8' })
  .trim()
  .split('\n');

describe('the README of a folder', () => {
  it.each(folders)('%s names files that exist', (readme) => {
    const folder = join(root, dirname(readme));
    const rows = readFileSync(join(root, readme), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    const names = rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([\w./-]+\.(?:ts|sh))`/g)].map(([, name = '']) => name));
    const found = readdirSync(folder, { recursive: true }).map(String);
    for (const name of names)
      expect(
        found.some((file) => file === name || file.endsWith(`/${name}`)),
        name,
      ).toBe(true);
  });

  it('of backends names every file', () => {
    const text = readFileSync(join(root, 'agent/backends/README.md'), 'utf8');
    for (const file of readdirSync(join(root, 'agent/backends/file'))) expect(text).toContain(`\`${file}\``);
  });
});

describe('README', () => {
  it.each(blocks('sh').flatMap((block) => block.trim().split('\n')))('%s', (line) => {
    // OpenNebula's directory, as this test has it.
    const [npx, program, ...words] = line.replace('/var/lib/one/remotes', join(directory, 'remotes')).split(' ');
    expect([npx, program]).toEqual(['npx', 'onestorage']);
    const output = execFileSync(join(root, 'packaging/onestorage'), words, { cwd: directory, encoding: 'utf8', stdio: 'pipe' });
    if (line.includes('pki show')) expect(output).toContain('host01');
    if (line.includes('shims install')) expect(existsSync(join(directory, 'remotes/tm/agent_local/clone'))).toBe(true);
  });

  const shown = blocks('console').flatMap((block) => [...block.matchAll(/^\$ (.*?)(?:\s+#.*)?$/gm)].map(([, command = '']) => command));
  it.each(shown)('shows a command that exists: %s', (command) => {
    const [program, ...words] = command.split(' ');
    if (program === 'npm') expect(scripts).toContain(words[0] === 'run' ? words[1] : words[0]);
    else if (program === 'npx') {
      const verbs = words.slice(1).filter((word) => /^[a-z]+$/.test(word));
      const help = execFileSync(join(root, 'packaging/onestorage'), [...verbs, '--help'], { encoding: 'utf8' });
      expect(help).toContain(`Usage: onestorage ${verbs.join(' ')}`);
    } else expect(program).toBe('buf');
  });

  it('shows configurations that the daemons take', () => {
    const [agent = '', controller = ''] = blocks('yaml');
    expect(agentConfigSchema.safeParse(parse(agent)).error).toBeUndefined();
    expect(controllerConfig.safeParse(parse(controller)).error).toBeUndefined();
  });

  it('names drivers that exist, in what it says of oned.conf', () => {
    const names = [...text.matchAll(/^(TM|DS)_MAD_CONF = \[ NAME = "(\w+)"/gm)].map(
      ([, kind = '', name]) => `${kind.toLowerCase()}/${name}`,
    );
    expect(names).toEqual(['tm/agent_local', 'ds/agent_fs']);
    for (const name of names) expect(Object.keys(DRIVERS)).toContain(name);
  });

  it('has links that lead somewhere', () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link = '']) => link);
    expect(links.length).toBeGreaterThan(5);
    for (const link of links) expect(existsSync(join(root, link)), link).toBe(true);
  });
});
