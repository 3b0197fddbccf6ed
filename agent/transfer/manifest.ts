import { randomUUID } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { lstat, readdir, stat as statPath } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { exists } from '../backends/file/look.ts';
import { type Located, locate } from '../backends/file/places.ts';
import { STAGE_PREFIX } from '../backends/file/stage.ts';
import { settleDisk } from '../backends/live/migration-names.ts';
import { type AgentContext, libvirtOf } from '../context.ts';
import type { SourceEntry, SourceInput } from './entries.ts';
import { entryFor, entryOf, versionOf } from './file-entry.ts';
import { flatEntries } from './flat.ts';
import { guestEntries } from './guest-entries.ts';
import { checkDirectoryLink, checkDiskLink } from './links.ts';

export interface SourceManifest {
  readonly located: Located;
  readonly kind: 'disk' | 'directory';
  readonly entries: readonly SourceEntry[];
  /** What was left out, for the log. */
  readonly skipped: readonly string[];
}

interface Host {
  readonly datastores: string;
  readonly hostName: string;
  readonly libvirt?: NonNullable<AgentContext['libvirt']>;
}

/** Finds a source. Errors: not_found with the host's name, storage_failed (no such datastore), outside_datastore. */
export async function findSource(host: Host, source: SourceInput): Promise<{ readonly located: Located; readonly stat: BigIntStats }> {
  const located = await locate(host.datastores, source.place);
  try {
    return { located, stat: await lstat(located.path, { bigint: true }) };
  } catch (thrown) {
    if (asStorageError(thrown).reason !== 'not_found') throw asStorageError(thrown);
    // Not the same as a source that is gone: what is not mounted comes back.
    if (!(await isThere(located.root))) {
      throw new StorageError('storage_failed', `datastore ${located.datastoreId} is not there on ${host.hostName} (is it mounted?)`);
    }
    throw new StorageError(
      'not_found',
      `'${source.place.path}' does not exist in datastore ${source.place.datastoreId} on ${host.hostName}`,
    );
  }
}

async function isThere(root: string): Promise<boolean> {
  try {
    await statPath(root);
    return true;
  } catch (thrown) {
    if (asStorageError(thrown).reason === 'not_found') return false;
    throw asStorageError(thrown);
  }
}

/** Everything that belongs to a source, without reading content. Changes nothing but names that a migration left. */
export async function buildManifest(host: Host, source: SourceInput): Promise<SourceManifest> {
  if (source.format === 'qcow2') await settleDisk(await locate(host.datastores, source.place), randomUUID());
  const { located, stat } = await findSource(host, source);
  const skipped: string[] = [];
  if (stat.isDirectory()) {
    const all = [entryOf(located.path, '.', stat, ''), ...(await walk(located.path, '', skipped))];
    const { domain } = source;
    const entries = domain === undefined ? all : await guestEntries({ uri: libvirtOf(host).uri, name: domain }, located, all);
    for (const entry of entries) if (entry.type === 'link') checkDirectoryLink(host.datastores, located.path, entry.path, entry.link);
    return { located, kind: 'directory', entries, skipped };
  }
  const flat = source.flat || source.snapshotId !== undefined;
  const entries = flat ? await flatEntries(located, source) : await diskEntries(located, stat, skipped);
  for (const entry of entries) if (entry.type === 'link') checkDiskLink(located.directory, located.name, entry.path, entry.link);
  return { located, kind: 'disk', entries, skipped };
}

async function diskEntries(located: Located, stat: BigIntStats, skipped: string[]): Promise<SourceEntry[]> {
  const { directory, name, path: file } = located;
  const own = await entryFor(file, name, stat);
  if (own === undefined) throw new StorageError('conflict', `${file} is neither a file nor a link to one; nothing was copied`);
  const snapshots = `${name}.snap`;
  // Only what is missing has no snapshots: after any other error a copy would come without them.
  const found = (await exists(path.join(directory, snapshots)))
    ? await lstat(path.join(directory, snapshots), { bigint: true })
    : undefined;
  if (found === undefined || !found.isDirectory()) return [own];
  return [own, entryOf(path.join(directory, snapshots), snapshots, found, ''), ...(await walk(directory, snapshots, skipped))];
}

/** All below `root/below`, directories before what they hold. No link is followed. Temporary names of operations belong to those. */
async function walk(root: string, below: string, skipped: string[]): Promise<SourceEntry[]> {
  const entries: SourceEntry[] = [];
  const names = (await readdir(path.join(root, below))).sort();
  for (const name of names) {
    if (name.startsWith(STAGE_PREFIX)) continue;
    const relative = path.join(below, name);
    const file = path.join(root, relative);
    const entry = await entryFor(file, relative, await lstat(file, { bigint: true }));
    if (entry === undefined) skipped.push(relative);
    else entries.push(entry);
    if (entry?.type === 'directory') entries.push(...(await walk(root, relative, skipped)));
  }
  return entries;
}

/** Error transfer_failed when a file is not what it was when the manifest was made. */
export async function checkUnchanged(entries: readonly SourceEntry[]): Promise<void> {
  for (const { type, file, version } of entries) {
    if (type !== 'file') continue;
    const now = await lstat(file, { bigint: true }).catch(() => undefined);
    if (now === undefined || versionOf(now) !== version) {
      throw new StorageError('transfer_failed', `${file} changed while it was copied; stop what writes to it, then start again`);
    }
  }
}
