import { lstat, readlink } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import { type DomainDisk, domainDisks } from '../../tools/domain-disks.ts';
import type { ToolContext } from '../../tools/run.ts';
import { blockJob, type Domain, domainState } from '../../tools/virsh.ts';
import type { Layer } from '../file/chain.ts';
import { readHeader } from '../file/layers.ts';
import type { Located } from '../file/places.ts';
import { type SnapshotDisk, snapshotDirectory } from '../file/snapshots-layout.ts';
import { findLiveDisk, isKnownByLink, type LiveDisk, matchChain, ofDirectory } from './disk.ts';
import { type NameChange, nameChange } from './migration-names.ts';

/** A disk that a running guest writes to. */
export interface WrittenDisk {
  readonly disk: SnapshotDisk;
  /** Active first; of a raw disk the file alone. */
  readonly layers: readonly Layer[];
  readonly live: LiveDisk;
}

/** A VM directory of this host. */
export type VmDirectory = Pick<Located, 'path' | 'root'>;

/**
 * The disks in this directory that the guest writes to. Errors: not_found (no such domain), conflict (it does not run), unsupported for a disk
 * that cannot be taken along, in one line; busy, broken_chain.
 */
export async function writtenDisks(domain: Domain, directory: VmDirectory, context: ToolContext): Promise<readonly WrittenDisk[]> {
  const { state } = await domainState(domain, context);
  if (state === 'other') throw new StorageError('conflict', `domain ${domain.name} is not running`);
  const written: WrittenDisk[] = [];
  for (const found of await domainDisks(domain, context)) {
    if (found.readOnly) continue;
    const disk = await diskIn(directory, found, domain);
    // The copy counts as one more layer then.
    if (found.mirrored) throw busy(disk);
    const live = await findLiveDisk(domain, disk, context);
    written.push({ disk, live, layers: await matchChain(disk, live) });
  }
  return written;
}

/** May the hypervisor take these disks along, and which names must they have for it? Errors: busy, unsupported. */
export async function planNames(domain: Domain, written: readonly WrittenDisk[], context: ToolContext): Promise<readonly NameChange[]> {
  const changes: NameChange[] = [];
  for (const { disk, live, layers } of written) {
    if ((await blockJob(domain, live.target, context)) !== undefined) throw busy(disk);
    if (disk.format === 'qcow2') await refuseWhatIsLost(disk, layers);
    const layer = await activeLayer(disk);
    if (layer !== undefined) changes.push(nameChange(disk, layer, await isKnownByLink(disk, live.chain[0])));
  }
  return changes;
}

function busy({ name }: SnapshotDisk): StorageError {
  return new StorageError('busy', `${name} has a block job under way: wait until it has ended, then migrate`);
}

/** `disk.N` of the directory, from `…/disk.N` or `…/disk.N.snap/<layer>` in whatever way it is written. */
async function diskIn(directory: VmDirectory, { target, file, format }: DomainDisk, domain: Domain): Promise<SnapshotDisk> {
  const at = await ofDirectory(file);
  const own = await ofDirectory(path.join(directory.path, 'x'));
  const inside = path.relative(path.dirname(own), at);
  const name = /^(disk\.\d+)(?:\.snap\/\d+)?$/u.exec(inside)?.[1];
  const what = `disk ${target} of domain ${domain.name} is ${file}`;
  if (name === undefined)
    throw new StorageError('unsupported', `${what}, which is not a disk in ${directory.path}: migrate it powered off`);
  if (format === undefined) throw new StorageError('unsupported', `${what}, which is neither raw nor qcow2: migrate it powered off`);
  return { path: path.join(directory.path, name), directory: directory.path, name, root: directory.root, format };
}

/** The name in .snap of the file the disk's link leads to; undefined: the disk is a plain file. */
async function activeLayer(disk: SnapshotDisk): Promise<string | undefined> {
  const found = await lstat(disk.path).catch((thrown: unknown) => {
    throw asStorageError(thrown);
  });
  if (found.isFile()) return undefined;
  const target = path.resolve(disk.directory, await readlink(disk.path));
  if (disk.format === 'qcow2' && path.dirname(target) === snapshotDirectory(disk)) return path.basename(target);
  throw new StorageError('unsupported', `${disk.path} is a link to ${target}, which is no layer of it: migrate it powered off`);
}

async function refuseWhatIsLost(disk: SnapshotDisk, layers: readonly Layer[]): Promise<void> {
  const foreign = layers.find(
    ({ path: file }) => path.basename(file) !== disk.name && path.basename(path.dirname(file)) !== `${disk.name}.snap`,
  );
  if (foreign !== undefined) {
    throw new StorageError('unsupported', `${foreign.path} lies below ${disk.name}, but not in its directory: migrate it powered off`);
  }
  const [top] = layers;
  if (top === undefined) return;
  const { savedStates, backingName } = await readHeader(top.path);
  if (savedStates > 0) {
    throw new StorageError(
      'unsupported',
      `${disk.name} holds ${savedStates} system snapshots, which a live migration loses: delete them, or migrate it powered off`,
    );
  }
  if (backingName !== undefined && !BACKING_NAME.test(backingName)) {
    throw new StorageError('unsupported', `${disk.name} has the backing name '${backingName.slice(0, 200)}': migrate it powered off`);
  }
}

/** `disk.0.snap/1`, as the drivers write it; libvirt puts the self link before it once or more. */
export const BACKING_NAME = /^(?:disk\.\d+\.snap\/)+\d+$/u;
