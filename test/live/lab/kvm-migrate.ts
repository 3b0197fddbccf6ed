import { lstat, mkdir, readlink, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import type { Libvirt } from './libvirt.ts';
import { tool } from './tools.ts';

/**
 * What OpenNebula's own kvm driver does between premigrate and postmigrate for a datastore that is not shared (contract 7.5): what a disk's name
 * is decides how it travels. A plain file gets an empty image of its size on the target and is mirrored; a link in a `.snap` is mirrored into what
 * is there; a link beside it counts as a disk of the network, and stays out; what is only read, snapshots and the XML files are copied before.
 */

export interface KvmHost {
  readonly libvirt: Libvirt;
  /** Where the directory of the VM is for this test; the hosts themselves have one path for it. */
  readonly directory: string;
}

export interface KvmMigration {
  readonly domain: string;
  readonly source: KvmHost;
  readonly target: KvmHost;
  /** The directory as both hosts call it. */
  readonly directory: string;
  /** Words for virsh; `--bandwidth`. */
  readonly options?: readonly string[];
  /** Mirrors only what lies above the layers that both sides have; the driver itself never does so. */
  readonly incremental?: boolean;
}

/** Throws with what virsh said, after it has cleaned the target as the driver does. */
export async function kvmMigrate(migration: KvmMigration): Promise<void> {
  const { domain, source, target, options = [], incremental = false } = migration;
  await mkdir(target.directory, { recursive: true });
  const { mirrored, before } = await prepareDisks(migration);
  // The shell of the driver expands the pattern.
  await tool('sh', ['-c', 'rsync -az "$@"', 'sh', ...before, `${target.directory}/`]);
  const how = incremental ? '--copy-storage-inc' : '--copy-storage-all';
  const storage = mirrored.length === 0 ? [] : [how, '--migrate-disks', mirrored.join(',')];
  const words = ['migrate', '--live', ...options, '--suspend', domain, target.libvirt.uri, '--migrateuri', 'tcp:127.0.0.1', ...storage];
  try {
    await source.libvirt.virsh(...words);
  } catch (thrown) {
    await target.libvirt.virsh('destroy', domain).catch(() => undefined);
    await rm(target.directory, { recursive: true, force: true });
    throw thrown;
  }
  await target.libvirt.virsh('resume', domain);
}

async function prepareDisks(migration: KvmMigration): Promise<{ readonly mirrored: string[]; readonly before: string[] }> {
  const { domain, source, target, directory, incremental = false } = migration;
  const readOnly = await readOnlyFiles(source.libvirt, domain);
  const mirrored: string[] = [];
  const before: string[] = [];
  const xml = await tool('find', [source.directory, '-maxdepth', '1', '-name', '*.xml']);
  before.push(...xml.split('\n').filter((name) => name !== ''));
  for (const line of (await source.libvirt.virsh('domblklist', domain)).split('\n')) {
    const [device = '', file = ''] = line.trim().split(/\s+/);
    if (!file.startsWith('/')) continue;
    const name = path.relative(directory, path.normalize(file));
    const here = path.join(source.directory, name);
    const isLink = (await lstat(here)).isSymbolicLink();
    const inSnapshots = /^(disk\.\d+\.snap)\/.*/.exec(name);
    if (!isLink) {
      const { format, 'virtual-size': size } = JSON.parse(await tool('qemu-img', ['info', '-U', '--output=json', here]));
      if (format === 'raw' && readOnly.has(file)) before.push(here);
      else {
        mirrored.push(device);
        const there = path.join(target.directory, name);
        await mkdir(path.dirname(there), { recursive: true });
        if (!incremental) await tool('qemu-img', ['create', '-q', '-f', format, there, String(size)]);
      }
    } else if (inSnapshots !== null) mirrored.push(device);
    if (inSnapshots?.[1] !== undefined) before.push(path.join(source.directory, inSnapshots[1]));
    else if (await isDirectory(`${here}.snap`)) before.push(`${here}.snap`);
    await linkAgain({ isLink, name, here }, target.directory);
  }
  return { mirrored, before };
}

async function linkAgain(
  { isLink, name, here }: { readonly isLink: boolean; readonly name: string; readonly here: string },
  directory: string,
): Promise<void> {
  const disk = /^(disk\.\d+)\.snap\/.*/.exec(name)?.[1];
  const [text, at] = isLink ? [await readlink(here), name] : [name, disk];
  if (at === undefined) return;
  const there = path.join(directory, at);
  const found = await lstat(there).catch(() => undefined);
  if (found?.isSymbolicLink() === true) return;
  // `ln -s` fails on a file that is there, and the driver goes on.
  if (found === undefined) await symlink(text, there);
}

async function readOnlyFiles(libvirt: Libvirt, domain: string): Promise<ReadonlySet<string>> {
  const xml = await libvirt.virsh('dumpxml', domain);
  const disks = xml.match(/<disk [\s\S]*?<\/disk>/g) ?? [];
  return new Set(disks.filter((disk) => disk.includes('<readonly/>')).map((disk) => /<source file='([^']*)'/.exec(disk)?.[1] ?? ''));
}

async function isDirectory(name: string): Promise<boolean> {
  return (await lstat(name).catch(() => undefined))?.isDirectory() ?? false;
}
