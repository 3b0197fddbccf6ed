import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import { flush, publish, stagePath } from './stage.ts';

/** The file that says which driver's monitor_ds measures a datastore on this host (contract 6.5). */
export const MARKER = '.monitor';

/** A cache of the stock replica feature, not a place of VM disks: its probes look for this word. */
const REPLICA = 'replica';

/**
 * Makes `name` the datastore's driver for monitoring. An other driver's name is replaced, as every driver does (contract 3.4: a stock image
 * datastore writes `ssh` into ours); `replica` stays. Written whole or not at all.
 */
export async function writeMarker(datastoreRoot: string, name: string, operationId: string): Promise<void> {
  if (!/^[A-Za-z0-9][\w.-]{0,63}$/u.test(name))
    throw new StorageError('bad_argument', `'${name.slice(0, 80)}' is not a name for ${MARKER}`);
  const marker = path.join(datastoreRoot, MARKER);
  const present = await readMarker(datastoreRoot);
  if (present === name || present === REPLICA) return;
  const stage = stagePath(marker, operationId);
  await writeFile(stage, `${name}\n`);
  await flush(stage);
  await publish(stage, marker);
}

/** Whose datastore it is on this host; undefined: nobody's. */
export async function readMarker(datastoreRoot: string): Promise<string | undefined> {
  try {
    return (await readFile(path.join(datastoreRoot, MARKER), 'utf8')).trim();
  } catch (thrown) {
    const error = asStorageError(thrown, 'read the monitoring marker');
    if (error.reason === 'not_found') return undefined;
    throw error;
  }
}
