import path from 'node:path';
import { StorageError } from '../../runtime/errors.ts';
import { pathWords } from '../backends/file/places.ts';
import { BACKING_NAME } from '../backends/live/migration-plan.ts';
import type { Entry } from './entries.ts';
import { checkDirectoryLink, checkDiskLink } from './links.ts';

/** What the receiver expects; another host's word is checked before anything of it touches the disk. */
export interface Expected {
  readonly kind: 'disk' | 'directory';
  readonly images: boolean;
  /** Last part of the source's path. */
  readonly name: string;
  /** Where the entries' links will stand in the end. */
  readonly directory: string;
  readonly datastores: string;
}

/**
 * Refuses (`outside_datastore`, `conflict`) names that leave the source, files below anything but a directory of the manifest, links that lead
 * out, and a source that is not of the expected kind.
 */
export function checkManifest(entries: readonly Entry[], expected: Expected): void {
  const directories = new Set<string>(['.']);
  const seen = new Set<string>();
  if ((entries[0]?.path === '.') !== (expected.kind === 'directory')) {
    throw new StorageError('conflict', `the source is ${expected.kind === 'disk' ? 'a directory, not a disk' : 'not a directory'}`);
  }
  for (const entry of entries) {
    checkName(entry.path, expected);
    if (seen.has(entry.path)) throw new StorageError('conflict', `the source names '${entry.path}' twice`);
    seen.add(entry.path);
    if (!directories.has(path.dirname(entry.path)))
      throw new StorageError('outside_datastore', `'${entry.path}' is not in a directory of the source`);
    if (entry.type === 'directory') directories.add(entry.path);
    if (entry.type === 'link') checkLink(entry, expected);
    if (entry.type === 'image') checkImage(entry, expected);
  }
}

function checkName(name: string, { kind, name: own }: Expected): void {
  if (name === '.' && kind === 'directory') return;
  const [first] = pathWords(name);
  if (kind === 'disk' && first !== own && first !== `${own}.snap`) {
    throw new StorageError('outside_datastore', `'${name}' does not belong to the disk '${own}'`);
  }
}

/** The backing name is opened: nothing but a layer of a disk beside it may stand there. */
function checkImage({ path: name, format, backing }: Entry, { images }: Expected): void {
  const known = format === 'raw' ? backing === '' : format === 'qcow2' && (backing === '' || BACKING_NAME.test(backing));
  if (!images || !known) throw new StorageError('conflict', `the source wants '${name}' to be made, which is not expected`);
}

function checkLink(entry: Entry, { kind, name, directory, datastores }: Expected): void {
  if (kind === 'disk') checkDiskLink(directory, name, entry.path, entry.link);
  else checkDirectoryLink(datastores, directory, entry.path, entry.link);
}
