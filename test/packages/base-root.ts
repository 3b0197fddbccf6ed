import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE } from '../../packaging/places.ts';

const SUITE = 'bookworm';
const MIRROR = 'http://deb.debian.org/debian';
/** A machine that boots, and what every site has beside it. */
const MACHINE = ['systemd', 'systemd-sysv', 'dbus'] as const;

/** What the packages for this machine want to have installed, but for each other. */
export function dependencies(packages: string): readonly string[] {
  const files = readdirSync(packages).filter((name) => name.endsWith('-1_amd64.deb'));
  const fields = files.map((name) => execFileSync('dpkg-deb', ['--field', join(packages, name), 'Depends'], { encoding: 'utf8' }));
  const names = fields.flatMap((field) => field.split(',').map((relation) => relation.trim().split(' ', 1)[0] ?? ''));
  return [...new Set(names.filter((name) => !name.startsWith('onestorage')))].sort();
}

/** A clean Debian with these packages. It takes minutes to make, so it is kept by its list. */
export function makeBaseRoot(packages: readonly string[]): string {
  const include = [...new Set([...MACHINE, ...packages])].sort();
  const key = createHash('sha256')
    .update(`${SUITE} ${include.join(' ')}`)
    .digest('hex')
    .slice(0, 12);
  const kept = join(CACHE, `root-${SUITE}-${key}`);
  if (existsSync(kept)) return kept;
  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, 'root-'));
  const options = ['--quiet', '--variant=apt', '--aptopt=APT::Install-Recommends "false"', `--include=${include.join(',')}`];
  execFileSync('mmdebstrap', [...options, SUITE, join(work, 'root'), MIRROR], { stdio: ['ignore', 'ignore', 'inherit'] });
  renameSync(join(work, 'root'), kept);
  return kept;
}
