import { lstat, readdir, readlink, stat } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError } from '../../../runtime/errors.ts';
import { readChain } from './chain.ts';
import { isQcow2 } from './layers.ts';
import { datastoreRoot } from './places.ts';
import { STAGE_PREFIX } from './stage.ts';

/** Where things that do not fit are set aside, in their own datastore. */
export const QUARANTINE = '.quarantine';

export type Problem =
  | 'temporary_file'
  | 'dangling_link'
  | 'broken_chain'
  | 'missing_image'
  | 'unknown_image'
  | 'unknown_vm'
  | 'unknown_file';

/** Something in a datastore that does not fit. Sizes in bytes, times in ms since the epoch. */
export interface Finding {
  readonly problem: Problem;
  /** Relative to the datastore. */
  readonly path: string;
  readonly text: string;
  readonly allocatedBytes: number;
  readonly modifiedUnixMs: number;
  /** Nothing OpenNebula knows of needs it: it may be set aside. */
  readonly movable: boolean;
}

export interface Inspection {
  readonly datastores: string;
  readonly datastoreId: number;
  /** Names of the images, or ids of the virtual machines, that OpenNebula has in this datastore. */
  readonly known: ReadonlySet<string>;
  /** Does this temporary name belong to an operation under way? */
  readonly isActive: (operationId: string) => boolean;
  readonly signal: AbortSignal;
}

/** oned writes SOURCE after the driver has ended, so what is young may be known to it in a moment. */
const YOUNG_MS = 60 * 60 * 1000;
const EXPECTED = /^(?:\.monitor|\.automounted|\.isofiles|\.quarantine|lost\+found|ds\.xml)$/u;

/** All that does not fit in an image datastore. Changes nothing. */
export async function* inspectImages(inspection: Inspection): AsyncGenerator<Finding> {
  const root = datastoreRoot(inspection.datastores, inspection.datastoreId);
  const names = await list(root);
  for (const name of names) {
    inspection.signal.throwIfAborted();
    if (EXPECTED.test(name)) continue;
    if (name.startsWith(STAGE_PREFIX)) yield* temporary(inspection, root, name);
    else yield* image(inspection, root, name);
  }
  const there = new Set(names);
  for (const name of inspection.known) {
    if (!there.has(name))
      yield {
        problem: 'missing_image',
        path: name,
        text: 'OpenNebula has this image, but there is no such file',
        allocatedBytes: 0,
        modifiedUnixMs: 0,
        movable: false,
      };
  }
}

/** All that does not fit in a system datastore of this host. Changes nothing. */
export async function* inspectVms(inspection: Inspection): AsyncGenerator<Finding> {
  const root = datastoreRoot(inspection.datastores, inspection.datastoreId);
  for (const name of await list(root)) {
    inspection.signal.throwIfAborted();
    if (EXPECTED.test(name)) continue;
    if (name.startsWith(STAGE_PREFIX)) yield* temporary(inspection, root, name);
    else if (!/^\d+$/u.test(name))
      yield await finding(root, name, 'unknown_file', 'neither a virtual machine nor a file of the drivers', false);
    else if (!inspection.known.has(name)) yield await aged(root, name, 'unknown_vm', 'OpenNebula has no virtual machine with this id here');
    else yield* machine(inspection, root, name);
  }
}

async function* image(inspection: Inspection, root: string, name: string): AsyncGenerator<Finding> {
  const owner = name.replace(/\.(?:snap|md5sum)$/u, '');
  if (!inspection.known.has(owner)) {
    yield await aged(root, name, 'unknown_image', 'no image of OpenNebula owns it');
    return;
  }
  if (owner === name) yield* disk(root, name);
}

async function* machine(inspection: Inspection, root: string, name: string): AsyncGenerator<Finding> {
  const directory = path.join(root, name);
  if (!(await lstat(directory)).isDirectory()) {
    yield await finding(root, name, 'unknown_file', 'it is named like a virtual machine, but is no directory', false);
    return;
  }
  for (const entry of await list(directory)) {
    inspection.signal.throwIfAborted();
    if (entry.startsWith(STAGE_PREFIX)) yield* temporary(inspection, root, `${name}/${entry}`);
    else if (/^disk\.\d+$/u.test(entry)) yield* disk(root, `${name}/${entry}`);
  }
}

/** A disk or image that cannot be opened: a link to nothing, a chain that is broken. Never set aside: it is somebody's disk. */
async function* disk(root: string, name: string): AsyncGenerator<Finding> {
  const full = path.join(root, name);
  const found = await lstat(full);
  if (found.isSymbolicLink() && (await stat(full).catch(() => undefined)) === undefined) {
    yield await finding(root, name, 'dangling_link', `it points at ${await readlink(full)}, which is missing`, false);
    return;
  }
  // A raw disk's bytes are the guest's; only a disk with layers of ours is read as qcow2.
  const layered = found.isSymbolicLink() || (await lstat(`${full}.snap`).catch(() => undefined))?.isDirectory() === true;
  if (!layered || !(await isQcow2(full))) return;
  try {
    await readChain(full, 'qcow2', root);
  } catch (thrown) {
    yield await finding(root, name, 'broken_chain', asStorageError(thrown).message, false);
  }
}

async function* temporary(inspection: Inspection, root: string, name: string): AsyncGenerator<Finding> {
  const rest = path.basename(name).slice(STAGE_PREFIX.length);
  // The operation's id may hold dots, and so may the name: any beginning may be the id.
  const ids = [...rest.matchAll(/\./gu)].map(({ index }) => rest.slice(0, index));
  if (ids.some(inspection.isActive)) return;
  yield await finding(root, name, 'temporary_file', 'an operation that has ended left it behind', true);
}

async function aged(root: string, name: string, problem: Problem, text: string): Promise<Finding> {
  const found = await finding(root, name, problem, text, true);
  if (Date.now() - found.modifiedUnixMs >= YOUNG_MS) return found;
  return { ...found, movable: false, text: `${text}; it is younger than an hour, so it may be on its way` };
}

async function finding(root: string, name: string, problem: Problem, text: string, movable: boolean): Promise<Finding> {
  const { allocated, modified } = await measure(path.join(root, name));
  return { problem, path: name, text, allocatedBytes: allocated, modifiedUnixMs: modified, movable };
}

/** Allocated bytes and the newest change of a file or tree. Never follows a link. */
async function measure(file: string): Promise<{ readonly allocated: number; readonly modified: number }> {
  const found = await lstat(file).catch(() => undefined);
  if (found === undefined) return { allocated: 0, modified: Date.now() };
  let allocated = found.blocks * 512;
  let modified = Math.max(found.mtimeMs, found.ctimeMs);
  if (found.isDirectory()) {
    for (const name of await list(file)) {
      const inner = await measure(path.join(file, name));
      allocated += inner.allocated;
      modified = Math.max(modified, inner.modified);
    }
  }
  return { allocated, modified: Math.floor(modified) };
}

/** Names in order; a directory that is not there has none. */
async function list(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (thrown) {
    const error = asStorageError(thrown);
    if (error.reason === 'not_found') return [];
    throw error;
  }
}
