import { lstat, readdir, readFile, readlink, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import type { ImageFormat } from '../../tools/qemu-img.ts';
import { chainFrom, type Layer, readLayer } from './chain.ts';
import { lstatOrNothing } from './look.ts';
import { STAGE_PREFIX } from './stage.ts';

/** A disk of a VM that is off, or an image no VM uses. */
export interface SnapshotDisk {
  readonly path: string;
  readonly directory: string;
  readonly name: string;
  /** Directory of its datastore. */
  readonly root: string;
  readonly format: ImageFormat;
}

/** The disk is a plain file; each snapshot is a full copy of it. */
export interface Copies {
  readonly kind: 'copies';
  readonly ids: readonly number[];
}

/** The disk is one of several qcow2 layers; a snapshot is a layer nobody writes to any more. */
export interface Layers {
  readonly kind: 'layers';
  readonly active: Layer;
  /** false: the disk is a plain file and also layer 0, the highest layer is the active one (shared storage). */
  readonly linked: boolean;
  /** By the name in .snap. */
  readonly layers: ReadonlyMap<string, Layer>;
  /** Snapshot id → name of the layer that holds it, from the `<id>.current` files (contract 2.2). */
  readonly current: ReadonlyMap<number, string>;
}

export const NUMBER = /^(?:0|[1-9]\d{0,9})$/u;
const CURRENT = /^(0|[1-9]\d{0,9})\.current$/u;

export const snapshotDirectory = (disk: Pick<SnapshotDisk, 'path'>): string => `${disk.path}.snap`;

/** The name of a layer as it stands in headers and in the link: resolves from the disk's directory and, by the self link, from inside .snap. */
export function layerName(disk: SnapshotDisk, layers: { readonly linked: boolean }, name: string): string {
  return layers.linked ? `${disk.name}.snap/${name}` : path.join(snapshotDirectory(disk), name);
}

/**
 * How the disk is laid out, by what is on disk and never by a guest's bytes: a link means layers. Every layer's header is read, so whoever
 * changes something knows all that depend on it. Errors: not_found, broken_chain, conflict.
 */
export async function readLayout(disk: SnapshotDisk): Promise<Copies | Layers> {
  const found = await lstat(disk.path).catch((thrown: unknown) => {
    throw asStorageError(thrown);
  });
  const names = await entries(snapshotDirectory(disk));
  if (found.isSymbolicLink()) {
    if (disk.format === 'qcow2') return await readLinked(disk, names);
    throw new StorageError('conflict', `${disk.path} is a symbolic link; a raw disk with snapshots is a plain file`);
  }
  if (!found.isFile()) throw new StorageError('conflict', `${disk.path} is not a plain file`);
  if (disk.format === 'qcow2' && (await isLinkTo(path.join(snapshotDirectory(disk), '0'), disk.path))) return await readShared(disk, names);
  const ids: number[] = [];
  for (const name of names.filter((one) => NUMBER.test(one))) {
    const copy = await lstat(path.join(snapshotDirectory(disk), name));
    // The same file under both names: turning the disk into layers was cut short, there is no snapshot yet.
    if (copy.ino !== found.ino || copy.dev !== found.dev) ids.push(Number(name));
  }
  return { kind: 'copies', ids: ids.sort((a, b) => a - b) };
}

async function readLinked(disk: SnapshotDisk, names: readonly string[]): Promise<Layers> {
  const text = await readlink(disk.path);
  const target = path.resolve(disk.directory, text);
  if (path.dirname(target) !== snapshotDirectory(disk) || !NUMBER.test(path.basename(target))) {
    throw new StorageError('conflict', `${disk.path} points at ${text}, which is not a layer in ${disk.name}.snap`);
  }
  return await readLayers(disk, names, path.basename(target), true);
}

async function readShared(disk: SnapshotDisk, names: readonly string[]): Promise<Layers> {
  const highest = Math.max(...names.filter((name) => NUMBER.test(name)).map(Number));
  return await readLayers(disk, names, String(highest), false);
}

async function readLayers(disk: SnapshotDisk, names: readonly string[], activeName: string, linked: boolean): Promise<Layers> {
  const directory = snapshotDirectory(disk);
  const scope = { disk: disk.path, root: disk.root };
  const layers = new Map<string, Layer>();
  const current = new Map<number, string>();
  for (const name of names) {
    const file = path.join(directory, name);
    const id = CURRENT.exec(name)?.[1];
    if (id !== undefined) current.set(Number(id), await readPointer(file));
    else if ((await stat(file).catch(() => undefined))?.isFile() === true)
      layers.set(name, await readLayer(await realpath(file), 'qcow2', scope));
  }
  const active = layers.get(activeName);
  if (active === undefined) throw new StorageError('broken_chain', `${disk.path} points at layer ${activeName}, which is missing`);
  await chainFrom(active.path, 'qcow2', scope);
  return { kind: 'layers', active, linked, layers, current };
}

/** A `.current` file holds the path of a layer; only its name counts, because a disk moves with its directory. */
async function readPointer(file: string): Promise<string> {
  const name = path.posix.basename((await readFile(file, 'utf8')).trim());
  if (!NUMBER.test(name)) throw new StorageError('broken_chain', `${file} does not name a layer`);
  return name;
}

/**
 * The layer that holds a snapshot; undefined: there is no such snapshot. A layer that holds another snapshot by its `.current` file, and the
 * active layer, are none.
 */
export function layerOfSnapshot(layers: Layers, id: number): Layer | undefined {
  const pointed = layers.current.get(id);
  const elsewhere = [...layers.current].some(([other, name]) => other !== id && name === String(id));
  if (pointed === undefined && elsewhere) return undefined;
  const layer = layers.layers.get(pointed ?? String(id));
  return layer === undefined || layer.path === layers.active.path ? undefined : layer;
}

/** The name a layer has in .snap. */
export function nameOf(layers: Layers, layer: Layer): string {
  return [...layers.layers].find(([, one]) => one.path === layer.path)?.[0] ?? path.basename(layer.path);
}

/** The layers that have this one as backing file. */
export function childrenOf(layers: Layers, layer: Layer): Layer[] {
  return [...layers.layers.values()].filter((one) => one.backing?.path === layer.path);
}

/**
 * The file that holds a snapshot's content, with all links resolved, to be read with the disk's format. Errors: not_found, broken_chain.
 */
export async function snapshotFile(disk: SnapshotDisk, id: number): Promise<string> {
  const layout = await readLayout(disk);
  if (layout.kind === 'copies') {
    if (!layout.ids.includes(id)) throw noSnapshot(disk, id);
    const file = path.join(snapshotDirectory(disk), String(id));
    const copy = await readLayer(file, disk.format, { disk: disk.path, root: disk.root });
    if (copy.backing !== undefined) throw new StorageError('broken_chain', `${file} must be a full copy, but has a backing file`);
    return file;
  }
  const layer = layerOfSnapshot(layout, id);
  if (layer === undefined) throw noSnapshot(disk, id);
  await chainFrom(layer.path, 'qcow2', { disk: disk.path, root: disk.root });
  return layer.path;
}

export function noSnapshot(disk: SnapshotDisk, id: number): StorageError {
  return new StorageError('not_found', `${disk.path} has no snapshot ${id}`);
}

async function isLinkTo(link: string, target: string): Promise<boolean> {
  const found = await lstatOrNothing(link);
  if (found?.isSymbolicLink() !== true) return false;
  return (await realpath(link).catch(() => undefined)) === (await realpath(target));
}

/** Without temporary names and links. A missing directory holds nothing. */
async function entries(directory: string): Promise<string[]> {
  const found = await lstatOrNothing(directory);
  if (found === undefined) return [];
  if (!found.isDirectory()) throw new StorageError('conflict', `${directory} is not a directory`);
  return (await readdir(directory)).filter((name) => !name.startsWith(STAGE_PREFIX)).sort();
}
