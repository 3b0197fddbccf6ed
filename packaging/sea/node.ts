import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE, ROOT } from '../places.ts';

/** Architectures there are packages for: as Node, Debian and RPM name them. */
export const ARCHITECTURES = {
  x64: { debian: 'amd64', rpm: 'x86_64', strip: 'x86_64-linux-gnu-strip' },
  arm64: { debian: 'arm64', rpm: 'aarch64', strip: 'aarch64-linux-gnu-strip' },
} as const;
export type Architecture = keyof typeof ARCHITECTURES;

interface Locked {
  readonly version: string;
  readonly integrity: string;
}

/** The Node of package-lock.json for an architecture. */
export function lockedNode(architecture: Architecture): Locked {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as { packages: Record<string, Locked> };
  const found = lock.packages[`node_modules/node-linux-${architecture}`];
  if (found === undefined) throw new Error(`package-lock.json has no node-linux-${architecture}`);
  return found;
}

/**
 * Node's binary: that of node_modules, or, as npm installs only that of the machine it runs on, from npm's cache or registry, compared with the
 * checksum in package-lock.json and kept.
 */
export function nodeBinary(architecture: Architecture): string {
  const name = `node-linux-${architecture}`;
  const installed = join(ROOT, 'node_modules', name, 'bin/node');
  if (existsSync(installed)) return installed;
  const { version, integrity } = lockedNode(architecture);
  const kept = join(CACHE, `${name}-${version}`);
  if (existsSync(kept)) return join(kept, 'bin/node');

  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, 'fetch-'));
  try {
    execFileSync('npm', ['pack', `${name}@${version}`, '--prefer-offline', '--silent', '--pack-destination', work], { stdio: 'pipe' });
    const archive = join(work, `${name}-${version}.tgz`);
    const digest = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
    if (digest !== integrity) throw new Error(`${name}@${version} is not what package-lock.json says: ${digest}`);
    execFileSync('tar', ['-xzf', archive, '-C', work, 'package/bin/node', 'package/LICENSE']);
    renameSync(join(work, 'package'), kept);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return join(kept, 'bin/node');
}
