import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import { type Bytes, bytes } from '../../../runtime/units.ts';
import { checkHeader } from '../../images/gate.ts';
import { convert, type ImageFormat, resize } from '../../tools/qemu-img.ts';
import { lookAt, type Received, type Stage } from './arrange.ts';
import { checkLayers, renameBackings, renamePointers } from './arrange-qcow2.ts';
import { mustBeSame } from './snapshots-verify.ts';
import { flush } from './stage.ts';

export interface PrepareOptions {
  /** Name at the source. */
  readonly name: string;
  /** Path the disk or image will have. */
  readonly target: string;
  readonly sourceFormat: ImageFormat | '';
  readonly format: ImageFormat | '';
  /** A VM's disk: backing names become its own. */
  readonly layered: boolean;
  readonly withSnapshots: boolean;
  /** Grown to this; 0: as it is. */
  readonly sizeBytes: number;
  readonly preallocate: boolean;
  readonly onProgress?: (done: number) => void;
}

export interface Prepared {
  readonly found: Received;
  /** The one file a chain was made into. */
  readonly flattened: string | undefined;
  readonly sizeBytes: number;
}

/**
 * Makes received files fit to be used, still under their names at the source: header gate, one file out of a chain where snapshots do not come
 * along, backing names, size. Done again after it was cut off, it ends the same. Errors: bad_image, conflict, tool_failed, storage_failed (the one file
 * differs from its chain).
 */
export async function prepareDisk(stage: Stage, options: PrepareOptions, context: OperationContext): Promise<Prepared> {
  const { received } = stage;
  const found = await lookAt(received, options.name);
  if (options.sourceFormat === 'qcow2') await checkLayers(received, found);
  const disk = path.join(received, options.name);
  const target = path.basename(options.target);
  const keepsLayers = found.active !== undefined && options.withSnapshots;
  const flattened = await flatten(stage, found, options, context);
  if (keepsLayers && options.layered) await renameBackings(received, found, target, context);
  if (found.hasSnapshots && options.withSnapshots) await movePointers(`${disk}.snap`, `${options.target}.snap`);
  const active = flattened ?? (found.active === undefined ? disk : path.join(`${disk}.snap`, found.active));
  const size = await grow(active, options, context);
  return { found, flattened, sizeBytes: size };
}

async function flatten(stage: Stage, found: Received, options: PrepareOptions, context: OperationContext): Promise<string | undefined> {
  const { sourceFormat, format, withSnapshots, preallocate, onProgress } = options;
  const isChain = found.active !== undefined && !withSnapshots;
  const otherFormat = sourceFormat !== '' && format !== '' && sourceFormat !== format;
  if (sourceFormat === '' || (!isChain && !otherFormat)) return undefined;
  const disk = path.join(stage.received, found.name);
  const from = found.active === undefined ? disk : path.join(`${disk}.snap`, found.active);
  const flat = path.join(stage.root, 'flat');
  await rm(flat, { force: true });
  const progress = onProgress === undefined ? {} : { onProgress };
  const flatFormat = format === '' ? sourceFormat : format;
  await convert(from, sourceFormat, flat, flatFormat, { preallocate, ...progress }, context);
  await flush(flat);
  await mustBeSame(from, sourceFormat, flat, flatFormat, context);
  return flat;
}

async function grow(active: string, { format, sizeBytes, preallocate }: PrepareOptions, context: OperationContext): Promise<Bytes> {
  // Its own layers were checked; what a header says below is not looked up.
  const { virtualSize } = await checkHeader(active, format === '' ? 'raw' : format, { backing: () => true });
  if (format === '' || sizeBytes <= virtualSize) return virtualSize;
  await resize(active, format, bytes(sizeBytes), { preallocate }, context);
  return bytes(sizeBytes);
}

async function movePointers(snapshots: string, final: string): Promise<void> {
  const pointers = new Map<string, string>();
  for (const name of await readdir(snapshots)) {
    if (!name.endsWith('.current')) continue;
    pointers.set(name, path.basename((await readFile(path.join(snapshots, name), 'utf8')).trim()));
  }
  await renamePointers(snapshots, pointers, final);
}
