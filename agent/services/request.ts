import type { Place__Output } from '../../proto/gen/onestorage/v1/Place.ts';
import { StorageError } from '../../runtime/errors.ts';
import { CONTENTS, checkPlace } from '../operations/volume-input.ts';

/** Checks of what stands in a request. Each throws bad_argument (a path: outside_datastore) that names the field. */

export function needPlace(place: Place__Output | null, field: string): { datastoreId: number; path: string } {
  if (place === null || place.path === '') throw new StorageError('bad_argument', `${field} is missing`);
  return checkPlace({ datastoreId: place.datastoreId, path: place.path });
}

export function needFormat(format: string): 'raw' | 'qcow2' {
  if (format === 'raw' || format === 'qcow2') return format;
  throw new StorageError('bad_argument', `format is '${format.slice(0, 40)}'; raw and qcow2 are known`);
}

/** Name or UUID of a domain; it becomes an argument of virsh. */
export function needDomain(word: string): string {
  if (/^[A-Za-z0-9_][\w.:@+-]{0,199}$/u.test(word)) return word;
  throw new StorageError('bad_argument', `domain is '${word.slice(0, 80)}'; give the name or UUID of the domain`);
}

export function fileSystemOrNothing(word: string): (typeof CONTENTS)[number] | undefined {
  if (word === '') return undefined;
  const known = CONTENTS.find((content) => content === word);
  if (known === undefined)
    throw new StorageError('bad_argument', `file system is '${word.slice(0, 40)}'; known are ${CONTENTS.join(', ')}`);
  return known;
}

/** Sizes above 8 PiB are no whole numbers any more. */
export function needSize(count: number): number {
  if (!Number.isSafeInteger(count) || count <= 0) throw new StorageError('bad_argument', `size is ${count} bytes; give a size above 0`);
  return count;
}

/** A driver's name for `.monitor`; a wrong one must not be found out after the disk was made. */
export function monitorOrNothing(word: string): string | undefined {
  if (word === '') return undefined;
  if (!/^[A-Za-z0-9][\w.-]{0,63}$/u.test(word))
    throw new StorageError('bad_argument', `monitor is '${word.slice(0, 80)}'; give the name of a driver`);
  return word;
}
