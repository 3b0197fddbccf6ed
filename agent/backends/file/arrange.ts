import { lstat, mkdir, readdir, readlink, rename, symlink } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import { exists, lstatOrNothing } from './look.ts';
import { stagePath } from './stage.ts';

/** The temporary directory of a transfer, beside its target. */
export interface Stage {
  readonly root: string;
  /** Entries as they stand at the source. */
  readonly received: string;
  /** What will be published, under its final names. */
  readonly ready: string;
  /** What was published before. */
  readonly old: string;
}

export function stageOf(target: string, operationId: string): Stage {
  const root = stagePath(target, operationId);
  return { root, received: path.join(root, 'in'), ready: path.join(root, 'new'), old: path.join(root, 'old') };
}

/** What stands in `ready`, and what must not be there any more. In the order of publishing: a link after what it points at. */
export interface Arranged {
  readonly present: readonly string[];
  readonly absent: readonly string[];
}

/** What was received: a disk or image and, with snapshots or layers, its .snap directory. */
export interface Received {
  /** In `received`. */
  readonly name: string;
  /** Name of the active file in .snap, when the disk is a link to it. */
  readonly active: string | undefined;
  readonly hasSnapshots: boolean;
}

/** How a received disk is laid out. Errors: conflict. */
export async function lookAt(received: string, name: string): Promise<Received> {
  const disk = path.join(received, name);
  const found = await lstat(disk).catch((thrown: unknown) => {
    throw asStorageError(thrown);
  });
  const snapshots = await lstatOrNothing(`${disk}.snap`);
  const hasSnapshots = snapshots?.isDirectory() === true;
  if (found.isFile()) return { name, active: undefined, hasSnapshots };
  const text = found.isSymbolicLink() ? await readlink(disk) : '';
  const active = path.basename(text);
  const layer = await lstatOrNothing(path.join(`${disk}.snap`, active));
  const leadsIn = path.resolve(received, path.dirname(text)) === `${disk}.snap`;
  if (leadsIn && layer?.isFile() === true) return { name, active, hasSnapshots };
  throw new StorageError('conflict', `'${name}' points at '${text}', which is not one of its layers`);
}

export interface DiskLayout {
  readonly format: 'raw' | 'qcow2' | '';
  /** The one file the chain was made into, if it was. */
  readonly flattened: string | undefined;
  /** A VM's disk: a lone qcow2 file becomes layer 0 behind a link (contract 2.2). */
  readonly layered: boolean;
  readonly withSnapshots: boolean;
}

/**
 * Puts received files under the names of `target` (`disk.2`, or an image's hash) into `ready`. Done again, it goes on where it was cut off.
 * Backing names inside qcow2 files are not changed here, so self links keep their names.
 */
export async function arrangeDisk(stage: Stage, found: Received, target: string, layout: DiskLayout): Promise<Arranged> {
  const { received, ready } = stage;
  await mkdir(ready, { recursive: true });
  const snapshots = `${target}.snap`;
  const single = layout.flattened ?? (found.active === undefined ? path.join(received, found.name) : undefined);
  const keepsSnapshots = found.hasSnapshots && layout.withSnapshots && layout.flattened === undefined;
  if (keepsSnapshots) await moveOnce(path.join(received, `${found.name}.snap`), path.join(ready, snapshots));
  if (single === undefined) {
    await linkOnce(`${snapshots}/${found.active}`, path.join(ready, target));
    return { present: [snapshots, target], absent: [] };
  }
  if (layout.layered && layout.format === 'qcow2' && !keepsSnapshots) {
    await mkdir(path.join(ready, snapshots), { recursive: true });
    await moveOnce(single, path.join(ready, snapshots, '0'));
    await linkOnce('.', path.join(ready, snapshots, snapshots));
    await linkOnce(`${snapshots}/0`, path.join(ready, target));
    return { present: [snapshots, target], absent: [] };
  }
  await moveOnce(single, path.join(ready, target));
  return keepsSnapshots ? { present: [snapshots, target], absent: [] } : { present: [target], absent: [snapshots] };
}

/** A whole directory, under its target's name. */
export async function arrangeDirectory(stage: Stage, target: string): Promise<Arranged> {
  await mkdir(stage.ready, { recursive: true });
  await moveOnce(stage.received, path.join(stage.ready, target));
  return { present: [target], absent: [] };
}

async function moveOnce(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (thrown) {
    const error = asStorageError(thrown);
    if (error.reason !== 'not_found' || !(await exists(to))) throw error;
  }
}

async function linkOnce(text: string, at: string): Promise<void> {
  try {
    await symlink(text, at);
  } catch (thrown) {
    const error = asStorageError(thrown);
    if (error.reason !== 'already_exists' || (await readlink(at).catch(() => undefined)) !== text) throw error;
  }
}

/** Plain files of a .snap directory that hold data: everything but the `.current` texts and the links. */
export async function layerFiles(snapshots: string): Promise<string[]> {
  const found = await readdir(snapshots, { withFileTypes: true });
  return found
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.current'))
    .map(({ name }) => name)
    .sort();
}
