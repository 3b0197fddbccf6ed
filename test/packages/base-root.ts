import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { libraryPackages } from '../../packaging/deb/libraries.ts';
import { programPackages } from '../../packaging/metadata.ts';
import { CACHE } from '../../packaging/places.ts';
import { nodeBinary } from '../../packaging/sea/node.ts';

const SUITE = 'bookworm';
const MIRROR = 'http://deb.debian.org/debian';
/** A root that is made anew when the power fails needs no flushes, and nobody reads manuals in it. */
const QUICK = [
  '--dpkgopt=force-unsafe-io',
  '--dpkgopt=path-exclude=/usr/share/locale/*',
  '--dpkgopt=path-exclude=/usr/share/man/*',
] as const;
/** A machine that boots, and what every site has beside it. */
const MACHINE = ['systemd', 'systemd-sysv', 'dbus'] as const;

/** What the packages for this machine want to have installed, but for each other: known before they are built. */
function dependencies(): readonly string[] {
  const libraries = libraryPackages(nodeBinary('x64')).map((relation) => relation.split(' ', 1)[0] ?? '');
  return [...libraries, ...programPackages('debian').needed];
}

/** A clean Debian with what the packages need. It takes minutes to make, so it is kept by its list. */
export async function makeBaseRoot(): Promise<string> {
  const include = [...new Set([...MACHINE, ...dependencies()])].sort();
  const key = createHash('sha256')
    .update([SUITE, ...include, ...QUICK].join(' '))
    .digest('hex')
    .slice(0, 12);
  const kept = join(CACHE, `root-${SUITE}-${key}`);
  if (existsSync(kept)) return kept;
  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, 'root-'));
  const options = ['--quiet', '--variant=apt', '--aptopt=APT::Install-Recommends "false"', `--include=${include.join(',')}`];
  await promisify(execFile)('mmdebstrap', [...options, ...QUICK, SUITE, join(work, 'root'), MIRROR]);
  renameSync(join(work, 'root'), kept);
  return kept;
}
