import { oneLine, StorageError } from '../runtime/errors.ts';

/** A path as its datastore and the rest: what the wire calls a Place. */
export interface DatastorePath {
  readonly datastoreId: number;
  /** Relative to the datastore's directory, normalised; never empty. */
  readonly path: string;
}

function components(path: string, whole: string): string[] {
  const words = path.split('/').filter((word) => word !== '' && word !== '.');
  if (words.includes('..')) throw new StorageError('outside_datastore', `path ${JSON.stringify(oneLine(whole))} holds '..'`);
  return words;
}

/**
 * `/var/lib/one//datastores/0/7/disk.0` below the location `/var/lib/one//datastores` → datastore 0, `7/disk.0`.
 * By words only, the disk is not looked at. Throws outside_datastore for everything that is not in a datastore.
 * `//` comes from oned's own DATASTORE_LOCATION (contract 2).
 */
export function splitDatastorePath(location: string, path: string): DatastorePath {
  const shown = JSON.stringify(oneLine(path));
  if (!path.startsWith('/')) throw new StorageError('outside_datastore', `path ${shown} is not absolute`);
  const root = components(location, location);
  const words = components(path, path);
  const inside = root.every((word, index) => words[index] === word);
  if (!inside) throw new StorageError('outside_datastore', `path ${shown} is not below /${root.join('/')}`);
  const [id, ...rest] = words.slice(root.length);
  if (id === undefined || !/^(?:0|[1-9][0-9]{0,9})$/.test(id) || Number(id) >= 2 ** 31) {
    throw new StorageError('outside_datastore', `path ${shown} is not in a datastore: /${root.join('/')}/<datastore id>/… expected`);
  }
  if (rest.length === 0) throw new StorageError('outside_datastore', `path ${shown} is the datastore itself, not something in it`);
  return { datastoreId: Number(id), path: rest.join('/') };
}
