import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { ROOT } from '../../packaging/places.ts';
import { makeBaseRoot } from './base-root.ts';
import { removeStaleRoots } from './machine.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Directory of the packages that are tested. */
    readonly packages: string;
    /** Directory of the same debs as another release: what an upgrade brings. */
    readonly nextRelease: string;
    /** A clean Debian with what the packages depend on, never written to. */
    readonly baseRoot: string;
  }
}

/** Builds once what all files of this suite look at; ONESTORAGE_PACKAGES may name a directory where `npm run package` has put it. */
export async function setup(project: TestProject): Promise<() => void> {
  removeStaleRoots();
  const work = mkdtempSync(join(tmpdir(), 'onestorage-packages-'));
  const given = process.env['ONESTORAGE_PACKAGES'] ?? '1';
  const packages = given === '1' ? join(work, 'built') : given;
  const end = (): void => rmSync(work, { recursive: true, force: true });
  const made = Promise.all([makeBaseRoot(), given === '1' ? buildPackages(packages) : undefined]);
  made.catch(end);
  const [baseRoot] = await made;
  for (const daemon of ['agent', 'controller']) makeNextRelease(packageFile(packages, new RegExp(`${daemon}_.*-1_amd64\\.deb$`)), work);
  project.provide('packages', packages);
  project.provide('nextRelease', work);
  project.provide('baseRoot', baseRoot);
  return end;
}

/** `npm run package` with its output in a directory. */
export async function buildPackages(out: string, ...words: readonly string[]): Promise<void> {
  await promisify(execFile)(process.execPath, [join(ROOT, 'packaging/package.ts'), '--out', out, ...words]);
}

/** The same package with a higher number, not compressed: an upgrade is made of its scripts and a new file of the program. */
function makeNextRelease(deb: string, out: string): void {
  const tree = mkdtempSync(join(out, 'release-'));
  execFileSync('dpkg-deb', ['--raw-extract', deb, join(tree, 'root')]);
  const control = join(tree, 'root/DEBIAN/control');
  writeFileSync(
    control,
    readFileSync(control, 'utf8')
      .replace(/^(Version: \S+)-1$/mu, '$1-2')
      .replace(/(onestorage-agent \(= \S+)-1\)/u, '$1-2)'),
  );
  const file = join(out, deb.split('/').at(-1)?.replace('-1_', '-2_') ?? '');
  execFileSync('dpkg-deb', ['--root-owner-group', '-Znone', '--build', join(tree, 'root'), file], { stdio: 'pipe' });
  rmSync(tree, { recursive: true });
}

/** The one file of a directory that matches. */
export function packageFile(directory: string, pattern: RegExp): string {
  const found = readdirSync(directory).filter((name) => pattern.test(name));
  if (found.length !== 1) throw new Error(`${pattern} matches ${found.length} of the packages: ${readdirSync(directory).join(' ')}`);
  return join(directory, found[0] ?? '');
}
