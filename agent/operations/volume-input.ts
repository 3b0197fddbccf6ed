import path from 'node:path';
import { z } from 'zod';
import { asStorageError } from '../../runtime/errors.ts';
import type { Resource } from '../../runtime/operations/types.ts';
import { bytes } from '../../runtime/units.ts';
import type { NewVolume } from '../backends/file/create.ts';
import { datastoreRoot, type Located, locate, PlaceInput, type PlaceOf, pathWords } from '../backends/file/places.ts';
import { FILE_SYSTEMS } from '../tools/mkfs.ts';

/** What a fresh disk or image may carry. */
export const CONTENTS = ['swap', ...FILE_SYSTEMS] as const;

/** What an empty disk or image is to be. */
export const VolumeInput = z.object({
  target: PlaceInput,
  sizeBytes: z.number().int().positive(),
  format: z.enum(['raw', 'qcow2']),
  fileSystem: z.enum(CONTENTS).optional(),
  preallocate: z.boolean(),
});
export type VolumeInput = z.infer<typeof VolumeInput>;

export function newVolume(input: VolumeInput): NewVolume {
  return { size: bytes(input.sizeBytes), format: input.format, content: input.fileSystem, preallocate: input.preallocate };
}

/** A disk, an image or a directory, and the snapshots beside it. */
export function placeResources(datastores: string, place: PlaceOf): readonly Resource[] {
  const file = path.join(datastoreRoot(datastores, place.datastoreId), ...pathWords(place.path));
  return [`path:${file}`, `path:${file}.snap`];
}

/** Throws outside_datastore for a path that its text alone rules out: before anything is recorded. */
export function checkPlace(place: PlaceOf): PlaceOf {
  pathWords(place.path);
  return place;
}

/** As locate; undefined where run cannot have come to do anything, because the place is none. For undo. */
export async function locateForUndo(datastores: string, place: PlaceOf): Promise<Located | undefined> {
  try {
    return await locate(datastores, place);
  } catch (thrown) {
    const error = asStorageError(thrown);
    if (error.reason === 'outside_datastore' || error.reason === 'conflict') return undefined;
    throw error;
  }
}
