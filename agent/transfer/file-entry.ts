import type { BigIntStats } from 'node:fs';
import { readlink } from 'node:fs/promises';
import type { SourceEntry } from './entries.ts';

/** undefined: a socket, a pipe or a device; qemu leaves its monitor's socket behind. */
export async function entryFor(file: string, relative: string, stat: BigIntStats): Promise<SourceEntry | undefined> {
  if (stat.isSymbolicLink()) return entryOf(file, relative, stat, await readlink(file));
  return stat.isFile() || stat.isDirectory() ? entryOf(file, relative, stat, '') : undefined;
}

export function versionOf(stat: BigIntStats): string {
  return `${stat.ino}.${stat.size}.${stat.mtimeNs}.${stat.ctimeNs}`;
}

export function entryOf(file: string, relative: string, stat: BigIntStats, link: string): SourceEntry {
  const isFile = stat.isFile();
  return {
    file,
    path: relative,
    type: isFile ? 'file' : stat.isDirectory() ? 'directory' : 'link',
    mode: Number(stat.mode & 0o777n),
    sizeBytes: isFile ? Number(stat.size) : 0,
    allocatedBytes: isFile ? Math.min(Number(stat.blocks) * 512, Number(stat.size)) : 0,
    link,
    modified: Number(stat.mtimeMs),
    version: isFile ? versionOf(stat) : '',
    format: '',
    backing: '',
  };
}
