import { link, lstat, readdir, readlink, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import { MIGRATING } from '../file/chain.ts';
import { lstatOrNothing } from '../file/look.ts';
import { identify, pointTo, sameFile } from '../file/snapshots-files.ts';
import { NUMBER, type SnapshotDisk, snapshotDirectory } from '../file/snapshots-layout.ts';
import { discard, flushDirectory, publish, stagePath } from '../file/stage.ts';

/** A disk whose active layer gets another name while its guest is migrated. */
export interface NameChange {
  /** `disk.0` */
  readonly disk: string;
  /** Its active layer in .snap. */
  readonly layer: string;
  /** Where that file lies meanwhile; the layer's name is a link to it. */
  readonly data: string;
}

/** What names need of a disk. */
export type Named = Pick<SnapshotDisk, 'path' | 'directory' | 'name'>;

/** The disk must lie where the hypervisor knows it: under its own name, or else beside it. */
export function nameChange(disk: Named, layer: string, knownByLink: boolean): NameChange {
  return { disk: disk.name, layer, data: knownByLink ? disk.name : `${disk.name}${MIGRATING}` };
}

/**
 * Moves the active layer out of .snap, and lets its name there be a link to it. At every moment each name leads to the same file, so neither
 * the guest nor libvirt sees any of it. Done again: fine.
 */
export async function exposeLayer(directory: string, change: NameChange, operationId: string): Promise<void> {
  const data = path.join(directory, change.data);
  const layer = path.join(directory, `${change.disk}.snap`, change.layer);
  const found = await lstat(layer).catch((thrown: unknown) => {
    throw asStorageError(thrown);
  });
  const text = `../${change.data}`;
  if (found.isSymbolicLink() && (await readlink(layer)) === text) return;
  if (!found.isFile()) throw new StorageError('conflict', `${layer} is not a plain file`);
  await linkTo(layer, data, operationId);
  const stage = stagePath(layer, operationId);
  await discard(stage);
  await symlink(text, stage);
  await publish(stage, layer);
}

/** Gives every disk of a VM directory its names back: after a migration, here or there. true: there was something to do. Idempotent. */
export async function settleNames(directory: string, operationId: string): Promise<boolean> {
  const names = await readdir(directory).catch(() => []);
  let settled = false;
  for (const name of names) settled = (await settleDisk({ path: path.join(directory, name), directory, name }, operationId)) || settled;
  return settled;
}

/** The same for one disk. Anything that is not a disk, and a disk whose names are right: nothing to do. */
export async function settleDisk(disk: Named, operationId: string): Promise<boolean> {
  if (!/^disk\.\d+$/u.test(disk.name)) return false;
  const layer = await movedLayer(disk);
  if (layer === undefined) return false;
  const file = path.join(snapshotDirectory(disk), layer.name);
  if (layer.link !== undefined) await linkTo(path.resolve(path.dirname(file), layer.link), file, operationId);
  await pointTo(disk, layer.name, operationId);
  const beside = `${disk.path}${MIGRATING}`;
  if (sameFile(await identify(beside), await identify(file))) await rm(beside, { force: true });
  await flushDirectory(disk.directory);
  return true;
}

/** The layer whose file lies outside of .snap, or has a second name there because this was cut short. */
async function movedLayer(disk: Named): Promise<{ readonly name: string; readonly link?: string } | undefined> {
  const snapshots = `${disk.path}.snap`;
  const beside = await identify(`${disk.path}${MIGRATING}`);
  const own = (await lstatOrNothing(disk.path))?.isFile() === true ? await identify(disk.path) : undefined;
  for (const name of (await readdir(snapshots).catch(() => [])).filter((one) => NUMBER.test(one))) {
    const file = path.join(snapshots, name);
    const text = await readlink(file).catch(() => undefined);
    if (text === undefined) {
      const found = await identify(file);
      if (sameFile(found, beside) || sameFile(found, own)) return { name };
    } else if (text === `../${disk.name}` || text === `../${disk.name}${MIGRATING}`) {
      if ((await lstatOrNothing(path.resolve(snapshots, text)))?.isFile() === true) return { name, link: text };
      throw new StorageError('broken_chain', `${file} points at ${text}, which is missing`);
    }
  }
  return undefined;
}

/** Lets `name` be the very file `existing`, in the place of a link or of nothing. */
async function linkTo(existing: string, name: string, operationId: string): Promise<void> {
  // A rename from one name of a file to another of the same file does nothing, and keeps both.
  if (sameFile(await identify(existing), await identify(name))) return;
  const stage = stagePath(name, operationId);
  await discard(stage);
  await link(existing, stage).catch((thrown: unknown) => {
    throw asStorageError(thrown);
  });
  await publish(stage, name);
}
