import { readlink, stat } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError } from '../../../runtime/errors.ts';
import { readChain } from './chain.ts';
import { type Finding, finding, movable, movableWhenOld, namesIn, type Problem } from './finding.ts';
import { isQcow2 } from './layers.ts';
import { lstatOrNothing } from './look.ts';
import { datastoreRoot } from './places.ts';
import { STAGE_PREFIX } from './stage.ts';
import { isStale } from './temporary-files.ts';
import { unended } from './unended.ts';

/** Where things that do not fit are set aside, in their own datastore. */
export const QUARANTINE = '.quarantine';

export interface Inspection {
  readonly datastores: string;
  readonly datastoreId: number;
  /** Names of the images, or ids of the virtual machines, that OpenNebula has here. */
  readonly known: ReadonlySet<string>;
  /** Virtual machines that rest on another host or in another datastore. */
  readonly elsewhere: ReadonlySet<string>;
  /** Virtual machines that are on their way: what is here of them stays. */
  readonly moving: ReadonlySet<string>;
  /** Does this temporary name belong to an operation under way? */
  readonly isActive: (operationId: string) => boolean;
  readonly signal: AbortSignal;
}

const EXPECTED = /^(?:\.monitor|\.automounted|\.isofiles|\.quarantine|lost\+found|ds\.xml)$/u;
/** The names that drivers give to images, ours and stock (contract 2.1). Anything else an administrator put there. */
const IMAGE = /^[0-9a-f]{32}(?:\.tmp)?$/u;
const VM = /^(?:0|[1-9]\d*)$/u;
const DISK = /^disk\.\d+$/u;
const SNAPSHOTS = /^disk\.\d+\.snap$/u;
const LEFT = 'an operation that has ended left it behind';
/** Directories of a transfer's stage, with what a person has to know of them. */
const STAGED = { in: 'what was received', new: 'what was to be published', old: 'what was replaced' } as const;

/** All that does not fit in an image datastore. Changes nothing. */
export async function* inspectImages(inspection: Inspection): AsyncGenerator<Finding> {
  const { known, signal } = inspection;
  const root = datastoreRoot(inspection.datastores, inspection.datastoreId);
  const names = await namesIn(root);
  for (const name of names) {
    signal.throwIfAborted();
    const owner = name.replace(/\.(?:snap|md5sum)$/u, '');
    if (EXPECTED.test(name)) continue;
    // Several hosts may share the datastore, and only one knows of its operations: what one of them writes now is young.
    if (isTemporary(inspection, name)) yield await leftBehind(root, name, movableWhenOld);
    else if (name.startsWith(STAGE_PREFIX)) continue;
    else if (!known.has(owner) && !IMAGE.test(owner))
      yield await finding(root, name, 'unknown_file', 'neither an image nor a file of the drivers');
    else if (!known.has(owner)) yield await movableWhenOld(root, name, 'unknown_image', 'no image of OpenNebula owns it');
    else if (owner === name) yield* disk(root, name);
    else yield* temporaries(inspection, root, name, movableWhenOld);
  }
  const there = new Set(names);
  for (const name of known)
    if (!there.has(name)) yield missing('missing_image', name, 'OpenNebula has this image, but there is no such file');
}

function missing(problem: Problem, name: string, text: string): Finding {
  return { problem, path: name, text, allocatedBytes: 0, modifiedUnixMs: 0, movable: false };
}

/** All that does not fit in a system datastore of this host. Changes nothing. */
export async function* inspectVms(inspection: Inspection): AsyncGenerator<Finding> {
  const root = datastoreRoot(inspection.datastores, inspection.datastoreId);
  const names = await namesIn(root);
  for (const name of names) {
    inspection.signal.throwIfAborted();
    if (EXPECTED.test(name)) continue;
    if (name.startsWith(STAGE_PREFIX)) {
      if (isTemporary(inspection, name)) yield await leftBehind(root, name, movable);
    } else if (!VM.test(name)) yield await finding(root, name, 'unknown_file', 'neither a virtual machine nor a file of the drivers');
    else yield* machine(inspection, root, name);
  }
  const there = new Set(names);
  for (const name of inspection.known) {
    if (!there.has(name)) yield missing('missing_vm', name, 'OpenNebula has this virtual machine here, but it has no directory');
  }
}

async function* machine(inspection: Inspection, root: string, name: string): AsyncGenerator<Finding> {
  const { known, elsewhere, moving } = inspection;
  const found = await lstatOrNothing(path.join(root, name));
  if (found === undefined) return;
  if (!found.isDirectory()) yield await finding(root, name, 'unknown_file', 'named like a virtual machine, but no directory');
  else if (known.has(name)) yield* inside(inspection, root, name);
  else if (moving.has(name)) {
    yield await finding(root, name, 'left_behind_vm', 'this virtual machine is on its way, or its host does not answer: it stays');
  } else if (elsewhere.has(name)) {
    yield await movableWhenOld(root, name, 'left_behind_vm', 'OpenNebula has this virtual machine on another host or datastore');
  } else yield await movableWhenOld(root, name, 'unknown_vm', 'OpenNebula has no virtual machine with this id');
}

async function* inside(inspection: Inspection, root: string, vm: string): AsyncGenerator<Finding> {
  const names = await namesIn(path.join(root, vm));
  yield* unended(root, vm, names);
  for (const entry of names) {
    inspection.signal.throwIfAborted();
    const name = `${vm}/${entry}`;
    if (isTemporary(inspection, entry)) yield await leftBehind(root, name, movable);
    else if (DISK.test(entry)) yield* disk(root, name);
    else if (SNAPSHOTS.test(entry)) yield* temporaries(inspection, root, name, movable);
  }
}

/** What operations left among the layers of a disk. */
async function* temporaries(inspection: Inspection, root: string, directory: string, how: typeof movable): AsyncGenerator<Finding> {
  for (const name of await namesIn(path.join(root, directory))) {
    if (isTemporary(inspection, name)) yield await leftBehind(root, `${directory}/${name}`, how);
  }
}

/** A disk or image that cannot be opened: a link to nothing, a chain that is broken. Never set aside: it is somebody's disk. */
async function* disk(root: string, name: string): AsyncGenerator<Finding> {
  const full = path.join(root, name);
  const found = await lstatOrNothing(full);
  if (found === undefined) return;
  if (found.isSymbolicLink() && (await stat(full).catch(() => undefined)) === undefined) {
    yield await finding(root, name, 'dangling_link', `it points at ${await readlink(full)}, which is missing`);
    return;
  }
  // Only a link says that there are layers. A plain file's bytes, also beside full copies, are the guest's: they are never looked into.
  const isLayered = found.isSymbolicLink() || (await lstatOrNothing(path.join(`${full}.snap`, '0')))?.isSymbolicLink() === true;
  try {
    if (isLayered && (await isQcow2(full))) await readChain(full, 'qcow2', root);
  } catch (thrown) {
    yield await finding(root, name, 'broken_chain', asStorageError(thrown).message);
  }
}

/** The stage of a transfer that failed may hold the only copy of a disk: a person must look, so it is never set aside. */
async function leftBehind(root: string, name: string, how: typeof movable): Promise<Finding> {
  const held: string[] = [];
  for (const [directory, what] of Object.entries(STAGED)) {
    const inside = await namesIn(path.join(root, name, directory));
    if (inside.length > 0) held.push(`'${directory}' (${what}: ${inside.slice(0, 3).join(', ')}${inside.length > 3 ? ', …' : ''})`);
  }
  if (held.length === 0) return await how(root, name, 'temporary_file', LEFT);
  const text = `${LEFT}, and it may hold the only copy of a disk: look into ${held.join(' and ')}, move back what is needed, then remove it`;
  return await finding(root, name, 'temporary_file', text);
}

/** A temporary name whose operation has ended. */
function isTemporary({ isActive }: Inspection, name: string): boolean {
  return isStale(name, isActive);
}
