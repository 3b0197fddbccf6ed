import { readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { readMarker } from '../backends/file/marker.ts';
import { datastoreRoot } from '../backends/file/places.ts';
import { numbersIn, orNothing } from './look.ts';

/** Datastores of this host that carry the marker of one of the drivers (contract 6.5). */
export async function markedDatastores(datastores: string, drivers: readonly string[]): Promise<readonly number[]> {
  const found: number[] = [];
  for (const id of numbersIn((await orNothing(readdir(datastores))) ?? [])) {
    const marker = await orNothing(readMarker(datastoreRoot(datastores, id)));
    if (marker !== undefined && drivers.includes(marker)) found.push(id);
  }
  return found;
}

/** The datastore that a probe means by its directory, `<DATASTORE_LOCATION>/<id>`. Throws outside_datastore. */
export async function datastoreOf(datastores: string, directory: string): Promise<number> {
  const wanted = path.resolve('/', directory);
  const [id] = numbersIn([path.basename(wanted)]);
  const above = path.dirname(wanted);
  // DATASTORE_LOCATION may reach the same place by another name.
  const isOurs = path.isAbsolute(directory) && (above === path.resolve(datastores) || (await isSame(above, datastores)));
  if (id !== undefined && isOurs) return id;
  throw new StorageError('outside_datastore', `'${directory.slice(0, 200)}' is not a datastore below ${datastores}`);
}

async function isSame(one: string, other: string): Promise<boolean> {
  try {
    return (await realpath(one)) === (await realpath(other));
  } catch (thrown) {
    if (asStorageError(thrown).reason === 'internal') throw thrown;
    return false;
  }
}
