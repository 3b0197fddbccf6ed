import { mkdir, readdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import type { Bytes } from '../../../runtime/units.ts';
import { create } from '../../tools/qemu-img.ts';
import { readLayer } from './chain.ts';
import { exists, lstatOrNothing } from './look.ts';
import { type Layers, layerName, type SnapshotDisk, snapshotDirectory } from './snapshots-layout.ts';
import { discard, flush, flushDirectory, publish, publishOrDiscard, STAGE_PREFIX, stagePath } from './stage.ts';

/** Identity of a file, to know it again under another name after a restart. */
export interface FileIdentity {
  readonly device: number;
  readonly inode: number;
}

export async function identify(file: string): Promise<FileIdentity | undefined> {
  const found = await lstatOrNothing(file);
  return found === undefined ? undefined : { device: found.dev, inode: found.ino };
}

export function sameFile(a: FileIdentity | undefined, b: FileIdentity | undefined): boolean {
  return a !== undefined && b !== undefined && a.device === b.device && a.inode === b.inode;
}

/**
 * Makes the name of a flushed stage durable and tells what it is, for the journal. From then on, also after a power cut, a stage that is
 * missing can only mean that it was published.
 */
export async function stagedFile(stage: string): Promise<FileIdentity> {
  await flushDirectory(path.dirname(stage));
  const made = await identify(stage);
  if (made === undefined) throw new StorageError('internal', `${stage} has gone`);
  return made;
}

/** Publishes a stage, unless an attempt before did. Errors: storage_failed when it is neither here nor there. */
export async function publishMade(stage: string, target: string, made: FileIdentity): Promise<void> {
  const there = await identify(target);
  // In one directory the number is enough; the device may have got another after a restart of the host.
  if (there?.inode === made.inode) return await flushDirectory(path.dirname(target));
  if ((await identify(stage)) === undefined)
    throw new StorageError('storage_failed', `${target} was not published, and its stage ${stage} has gone`);
  await publishOrDiscard(stage, target);
}

/** Makes .snap and the link in it to itself, under which the names in headers resolve (contract 2.2). */
export async function prepareDirectory(disk: SnapshotDisk, selfLink: boolean): Promise<void> {
  const directory = snapshotDirectory(disk);
  await mkdir(directory, { recursive: true }).catch((thrown: unknown) => {
    throw asStorageError(thrown);
  });
  if (selfLink) {
    const link = path.join(directory, path.basename(directory));
    await symlink('.', link).catch(async (thrown: unknown) => {
      const error = asStorageError(thrown);
      if (error.reason !== 'already_exists') throw error;
      const text = await readlink(link).catch(() => undefined);
      if (text === undefined || path.resolve(directory, text) !== directory)
        throw new StorageError('conflict', `${link} is not a link to "."`);
    });
    await flushDirectory(directory);
  }
  await flushDirectory(disk.directory);
}

/** A fresh overlay, verified and durable, under a temporary name. */
export async function stageOverlay(
  disk: SnapshotDisk,
  layers: { readonly linked: boolean },
  overlay: { readonly name: string; readonly backing: string; readonly size: Bytes },
  context: OperationContext,
): Promise<string> {
  const stage = stagePath(path.join(snapshotDirectory(disk), overlay.name), context.operationId);
  await discard(stage);
  const name = layerName(disk, layers, overlay.backing);
  await create(stage, 'qcow2', overlay.size, { backing: { name, format: 'qcow2' } }, context);
  await flush(stage);
  const made = await readLayer(stage, 'qcow2', { disk: disk.path, root: disk.root });
  if (made.backing?.name !== name || made.virtualSize !== overlay.size || !made.empty) {
    throw new StorageError('internal', `${stage} is not the overlay that was asked for`);
  }
  await flushDirectory(path.dirname(stage));
  return stage;
}

/** Lets the disk be another layer: readers see the old one or the new one. */
export async function pointTo(disk: Pick<SnapshotDisk, 'path' | 'name'>, layer: string, operationId: string): Promise<void> {
  const text = `${disk.name}.snap/${layer}`;
  const found = await lstatOrNothing(disk.path);
  if (found?.isSymbolicLink() === true && (await readlink(disk.path)) === text) return;
  const target = path.join(snapshotDirectory(disk), layer);
  if (!(await exists(target))) throw new StorageError('storage_failed', `${target} is missing: the disk stays as it is`);
  const stage = stagePath(disk.path, operationId);
  await discard(stage);
  await symlink(text, stage);
  await publish(stage, disk.path);
}

/** Says which layer holds a snapshot when their numbers differ. Absolute as OpenNebula's own drivers write it; only its last part is read. */
export async function writePointer(disk: SnapshotDisk, id: number, layer: string, operationId: string): Promise<void> {
  const pointer = pointerPath(disk, id);
  const stage = stagePath(pointer, operationId);
  await writeFile(stage, `${path.join(snapshotDirectory(disk), layer)}\n`);
  await flush(stage);
  await publish(stage, pointer);
}

export const pointerPath = (disk: SnapshotDisk, id: number): string => path.join(snapshotDirectory(disk), `${id}.current`);

/** Removes a file so that a crash leaves the whole file, a temporary name, or nothing. Not there: fine. */
export async function removeFile(file: string, operationId: string): Promise<void> {
  const stage = stagePath(file, operationId);
  await rename(file, stage).catch((thrown: unknown) => {
    const error = asStorageError(thrown);
    if (error.reason !== 'not_found') throw error;
  });
  await flushDirectory(path.dirname(file));
  await discard(stage);
}

/** The checksum file that a replica keeps beside an image is wrong once the image changes (contract 2.1). */
export async function forgetChecksum(disk: SnapshotDisk): Promise<void> {
  await rm(`${disk.path}.md5sum`, { force: true });
}

/** Everything an operation left under temporary names of this disk. Never fails for what is not there. */
export async function discardStages(disk: { readonly path: string; readonly directory: string }, operationId: string): Promise<void> {
  const mine = `${STAGE_PREFIX}${operationId}.`;
  await discardNames(disk.directory, `${mine}${path.basename(disk.path)}`);
  await discardNames(`${disk.path}.snap`, mine);
}

async function discardNames(directory: string, prefix: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names.filter((one) => one.startsWith(prefix))) await discard(path.join(directory, name));
}

/** A number no layer has. */
export function freeNumber(layers: Layers, wanted: number): string {
  if (!layers.layers.has(String(wanted))) return String(wanted);
  return String(Math.max(...[...layers.layers.keys()].map(Number).filter(Number.isSafeInteger), ...layers.current.keys()) + 1);
}
