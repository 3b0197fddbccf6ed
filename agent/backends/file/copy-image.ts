import { lstat, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import type { Bytes } from '../../../runtime/units.ts';
import { copyAllocated, copySparse } from '../../tools/cp.ts';
import type { ImageFormat } from '../../tools/qemu-img.ts';
import { chainFrom, type Layer, readChain } from './chain.ts';
import { isQcow2 } from './layers.ts';
import type { Located } from './places.ts';
import { identify, sameFile } from './snapshots-files.ts';
import { readLayout } from './snapshots-layout.ts';
import { mustBeSame, virtualSize, writeFlat } from './snapshots-verify.ts';
import { discard, publish, stagePath } from './stage.ts';

export interface CopyOptions {
  /** As OpenNebula has it; undefined: by the first bytes. */
  readonly sourceFormat: ImageFormat | undefined;
  /** undefined: as it is. */
  readonly convertTo: ImageFormat | undefined;
  readonly preallocate: boolean;
}

export interface CopiedImage {
  readonly format: ImageFormat;
  /** Virtual size. */
  readonly sizeBytes: Bytes;
}

/**
 * The format of an image whose format nobody said. A link means layers, hence qcow2; else the first bytes decide. Whoever wrote them gains
 * nothing: a name of a backing file in them is only followed to the image's own layers and to images (readChain).
 */
export async function formatOf(image: Located): Promise<ImageFormat> {
  const found = await lstat(image.path).catch((thrown: unknown) => {
    throw asStorageError(thrown);
  });
  return found.isSymbolicLink() || (await isQcow2(image.path)) ? 'qcow2' : 'raw';
}

/**
 * The layers of an image's present content, active first. A plain image has no backing file: a name in it could only have been written by a
 * guest, to read what is not its own.
 */
export async function readImage(image: Located, format: ImageFormat): Promise<readonly Layer[]> {
  if (format === 'raw') return await readChain(image.path, format, image.root);
  const layout = await readLayout({ ...image, format });
  const scope = { disk: image.path, root: image.root };
  const chain =
    layout.kind === 'layers' ? await chainFrom(layout.active.path, format, scope) : await readChain(image.path, format, image.root);
  if (layout.kind === 'copies' && chain.length > 1)
    throw new StorageError('bad_image', `${image.path} has a backing file, as no image may`);
  return chain;
}

/** Makes a new image with the present content of another: always one file without snapshots. Errors: already_exists, broken_chain, no_space. */
export async function copyImage(source: Located, target: Located, options: CopyOptions, context: OperationContext): Promise<CopiedImage> {
  const stage = stagePath(target.path, context.operationId);
  const made = await context.step('copy', async () => {
    if ((await identify(target.path)) !== undefined) throw alreadyThere(target);
    const format = options.sourceFormat ?? (await formatOf(source));
    const chain = await readImage(source, format);
    const active = chain[0];
    if (active === undefined) throw new StorageError('broken_chain', `${source.path} has no layers`);
    await mkdir(target.directory, { recursive: true });
    await discard(stage);
    const to = { path: stage, format: options.convertTo ?? format, preallocate: options.preallocate };
    if (chain.length === 1 && to.format === format) await copyBytes(active.path, to, context);
    else await writeFlat({ path: active.path, format }, to, `copy ${source.name}`, context);
    const identity = await identify(stage);
    if (identity === undefined) throw new StorageError('internal', `${stage} has gone`);
    return { identity, format: to.format, size: await virtualSize(stage, to.format) };
  });
  context.commit();
  await context.step('publish', async () => {
    const there = await identify(target.path);
    if (sameFile(there, made.identity)) return;
    if (there !== undefined) throw alreadyThere(target);
    await publish(stage, target.path);
  });
  return { format: made.format, sizeBytes: made.size };
}

async function copyBytes(
  source: string,
  to: { readonly path: string; readonly format: ImageFormat; readonly preallocate: boolean },
  context: OperationContext,
): Promise<void> {
  const size = await virtualSize(source, 'raw');
  context.report({ step: `copy ${path.basename(source)}`, doneBytes: 0, totalBytes: size });
  // A preallocated qcow2 must have all its clusters mapped, which no copy of bytes does.
  if (to.preallocate && to.format === 'qcow2')
    return await writeFlat({ path: source, format: to.format }, to, `copy ${path.basename(source)}`, context);
  await (to.preallocate ? copyAllocated : copySparse)(source, to.path, context);
  context.count({ movedBytes: size });
  await mustBeSame(source, 'raw', to.path, 'raw', context);
}

function alreadyThere(target: Located): StorageError {
  return new StorageError('already_exists', `${target.path} exists already`);
}
