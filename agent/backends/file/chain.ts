import { readlink, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import { type Bytes, bytes } from '../../../runtime/units.ts';
import type { ImageFormat } from '../../tools/qemu-img.ts';
import { readHeader } from './layers.ts';

/** One file of a disk: the active one, or one below it. */
export interface Layer {
  /** With all links resolved. */
  readonly path: string;
  readonly format: ImageFormat;
  readonly virtualSize: Bytes;
  /** Of qcow2: no data of its own. */
  readonly empty: boolean;
  readonly backing: Backing | undefined;
}

export interface Backing {
  /** As it stands in the header. */
  readonly name: string;
  /** With all links resolved. */
  readonly path: string;
}

/** Which files may be layers of a disk. */
export interface LayerScope {
  /** The disk or image, without resolving its last component. */
  readonly disk: string;
  /** Directory of its datastore, `<datastores>/<id>`. */
  readonly root: string;
}

/**
 * The layers of a disk or image, active first. Every name is checked before any file behind it is opened. Errors: not_found, broken_chain for
 * a loop, a missing file, one outside of the disk's own files and the images of this host's datastores, or one that is not qcow2.
 */
export async function readChain(disk: string, format: ImageFormat, root: string): Promise<Layer[]> {
  const scope = { disk, root };
  const first = await resolveFile(disk);
  if (!(await isOwn(first, scope))) throw new StorageError('broken_chain', `${disk} points at ${first}, which is not one of its layers`);
  return await chainFrom(first, format, scope);
}

/** As readChain, from any layer of the disk on. */
export async function chainFrom(file: string, format: ImageFormat, scope: LayerScope): Promise<Layer[]> {
  const chain: Layer[] = [];
  const seen = new Set<string>();
  for (let next: string | undefined = file; next !== undefined; ) {
    if (seen.has(next)) throw new StorageError('broken_chain', `${next} is its own backing file`);
    seen.add(next);
    const layer: Layer = await readLayer(next, format, scope);
    chain.push(layer);
    next = layer.backing?.path;
  }
  return chain;
}

/** One layer. Its backing file is found and must be an allowed one, but is not opened. */
export async function readLayer(file: string, format: ImageFormat, scope: LayerScope): Promise<Layer> {
  const found = await stat(file).catch((thrown: unknown) => {
    throw asStorageError(thrown);
  });
  if (!found.isFile()) throw new StorageError('broken_chain', `${file} is not a plain file`);
  if (format === 'raw') return { path: file, format, virtualSize: bytes(found.size), empty: false, backing: undefined };
  const header = await readHeader(file);
  const { virtualSize, empty, backingName, backingFormat } = header;
  if (backingName === undefined) return { path: file, format, virtualSize, empty, backing: undefined };
  // Without a format qemu would guess it from bytes the guest may have written.
  if (backingFormat !== undefined && backingFormat !== 'qcow2') {
    throw new StorageError('broken_chain', `${file}: its backing file is said to be ${backingFormat}, not qcow2`);
  }
  const backing = { name: backingName, path: await resolveBacking(file, backingName, scope) };
  if (backing.path === file) throw new StorageError('broken_chain', `${file} is its own backing file`);
  return { path: file, format, virtualSize, empty, backing };
}

/** The file a backing name means, found the way qemu finds it: relative to the directory of the layer that names it. */
async function resolveBacking(layer: string, name: string, scope: LayerScope): Promise<string> {
  const wanted = path.resolve(path.dirname(layer), name);
  const found = await resolveFile(wanted).catch((thrown: unknown) => {
    const { reason, message } = asStorageError(thrown);
    throw new StorageError('broken_chain', reason === 'not_found' ? `${layer}: its backing file ${name} is missing` : message);
  });
  if ((await isOwn(found, scope)) || (await isImage(wanted, found, scope))) return found;
  throw new StorageError('broken_chain', `${layer}: its backing file ${name} is neither a layer of ${scope.disk} nor an image`);
}

async function resolveFile(file: string): Promise<string> {
  try {
    return await realpath(file);
  } catch (thrown) {
    const error = asStorageError(thrown);
    if (error.reason !== 'not_found') throw error;
    const target = await readlink(file).catch(() => undefined);
    if (target === undefined) throw new StorageError('not_found', `${file}: no such file`);
    throw new StorageError('broken_chain', `${file} points at ${target}, which is missing`);
  }
}

/** Beside the disk: its active layer, while its guest is migrated. */
export const MIGRATING = '.migrating';

/** The disk itself, its active layer beside it, or a file directly in its .snap. */
async function isOwn(found: string, { disk }: LayerScope): Promise<boolean> {
  const directory = await realpath(path.dirname(disk));
  const own = path.join(directory, path.basename(disk));
  return found === own || found === `${own}${MIGRATING}` || path.dirname(found) === `${own}.snap`;
}

const IMAGE = /^\d+\/[^/]+(?:\.snap\/\d+)?$/u;

/** `<datastores>/<id>/<image>` or `…/<image>.snap/<n>`: never a file of a VM, which lies one level deeper. */
async function isImage(wanted: string, found: string, { root }: LayerScope): Promise<boolean> {
  const datastores = path.dirname(root);
  const relative = path.relative(datastores, wanted);
  if (!IMAGE.test(relative)) return false;
  const datastore = await realpath(path.join(datastores, relative.slice(0, relative.indexOf('/'))));
  return IMAGE.test(path.join('0', path.relative(datastore, found)));
}
