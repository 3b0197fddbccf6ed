import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { StorageError } from '../../runtime/errors.ts';
import { selfLinks } from '../backends/file/arrange-qcow2.ts';
import { chainFrom, readChain } from '../backends/file/chain.ts';
import type { Located } from '../backends/file/places.ts';
import { snapshotFile } from '../backends/file/snapshots-layout.ts';
import type { SourceEntry, SourceInput } from './entries.ts';
import { entryFor } from './file-entry.ts';

/**
 * The files that make up one state of a disk: its current content, or that of a snapshot. A single file goes as the disk's own; of a chain each
 * layer goes, in the disk's layout, and the receiver makes one file of them: so nothing is written at the source. Errors: not_found,
 * broken_chain.
 */
export async function flatEntries(located: Located, source: SourceInput): Promise<SourceEntry[]> {
  const { name } = located;
  const files = await filesOf(located, source);
  const [top] = files;
  if (top === undefined || files.length === 1) return [await entry(top ?? located.path, name)];
  const within = `${name}.snap`;
  const snapshots = path.dirname(top);
  const outside = files.find((file) => path.dirname(file) !== snapshots || path.basename(snapshots) !== within);
  if (outside !== undefined) {
    throw new StorageError('broken_chain', `${outside} is a backing file outside of ${located.path}.snap; nothing was copied`);
  }
  const active = await entry(top, name);
  const link: SourceEntry = {
    ...active,
    type: 'link',
    link: `${within}/${path.basename(top)}`,
    version: '',
    sizeBytes: 0,
    allocatedBytes: 0,
  };
  const holder: SourceEntry = { ...link, file: snapshots, path: within, type: 'directory', link: '', mode: 0o755 };
  const layers = files.map((file) => entry(file, `${within}/${path.basename(file)}`));
  const selves = (await selfLinks(snapshots)).map(
    (self): SourceEntry => ({ ...link, file: path.join(snapshots, self), path: `${within}/${self}`, link: '.' }),
  );
  return [link, holder, ...selves, ...(await Promise.all(layers))];
}

async function filesOf({ path: disk, directory, name, root }: Located, { format, snapshotId }: SourceInput): Promise<string[]> {
  // An opaque file is copied byte by byte, as a raw one.
  const kind = format === '' ? 'raw' : format;
  if (snapshotId === undefined) return (await readChain(disk, kind, root)).map((layer) => layer.path);
  const file = await snapshotFile({ path: disk, directory, name, root, format: kind }, snapshotId);
  return (await chainFrom(file, kind, { disk, root })).map((layer) => layer.path);
}

async function entry(file: string, relative: string): Promise<SourceEntry> {
  const found = await entryFor(file, relative, await lstat(file, { bigint: true }));
  if (found?.type !== 'file') throw new StorageError('conflict', `${file} is not a plain file; nothing was copied`);
  return found;
}
