import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { ROOT } from '../../packaging/places.ts';
import { dependencies, makeBaseRoot } from './base-root.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Directory of the packages of this test run: all of release 1, and those for this machine of release 2. */
    readonly packages: string;
    /** A clean Debian with what the packages depend on, never written to. */
    readonly baseRoot: string;
  }
}

/** Builds once what all files of this suite look at. */
export function setup(project: TestProject): () => void {
  const packages = mkdtempSync(join(tmpdir(), 'onestorage-packages-'));
  buildPackages(packages);
  buildPackages(packages, '--release', '2', '--architecture', 'x64', '--format', 'deb');
  project.provide('packages', packages);
  project.provide('baseRoot', makeBaseRoot(dependencies(packages)));
  return () => rmSync(packages, { recursive: true, force: true });
}

/** `npm run package` with its output in a directory. */
export function buildPackages(out: string, ...words: readonly string[]): void {
  execFileSync(process.execPath, [join(ROOT, 'packaging/package.ts'), '--out', out, ...words], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** The one file of a directory that matches. */
export function packageFile(directory: string, pattern: RegExp): string {
  const found = readdirSync(directory).filter((name) => pattern.test(name));
  if (found.length !== 1) throw new Error(`${pattern} matches ${found.length} of the packages: ${readdirSync(directory).join(' ')}`);
  return join(directory, found[0] ?? '');
}
