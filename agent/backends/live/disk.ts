import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { StorageError } from '../../../runtime/errors.ts';
import type { ToolContext } from '../../tools/run.ts';
import { type Domain, type DomainLayer, type DomainState, domainState } from '../../tools/virsh.ts';
import { type Layer, readChain } from '../file/chain.ts';
import type { SnapshotDisk } from '../file/snapshots-layout.ts';

/** A disk of a running guest: what libvirt has open, found by the disk's place and never by a name somebody gave. */
export interface LiveDisk {
  readonly target: string;
  /** Active layer first. */
  readonly chain: readonly DomainLayer[];
  /** All other targets. */
  readonly others: readonly string[];
  readonly state: DomainState['state'];
}

/** Errors: not_found for no such domain, conflict when it does not run or has no such disk. */
export async function findLiveDisk(domain: Domain, disk: SnapshotDisk, context: ToolContext): Promise<LiveDisk> {
  const { state, disks } = await domainState(domain, context);
  if (state === 'other') throw new StorageError('conflict', `domain ${domain.name} is not running`);
  for (const [target, chain] of disks) {
    const top = chain[0];
    if (top === undefined || !(await isOf(disk, top.path))) continue;
    return { target, chain, state, others: [...disks.keys()].filter((other) => other !== target) };
  }
  throw new StorageError('conflict', `domain ${domain.name} has no disk ${disk.path}`);
}

/** The disk's own name, or a file in its .snap, in whatever way the path is written. */
async function isOf(disk: SnapshotDisk, file: string): Promise<boolean> {
  const plain = await ofDirectory(file);
  const own = await ofDirectory(disk.path);
  return plain === own || path.dirname(plain) === `${own}.snap`;
}

/** Was the layer opened under the disk's own name, which may lead elsewhere by now? */
export async function isKnownByLink(disk: SnapshotDisk, layer: DomainLayer | undefined): Promise<boolean> {
  return layer === undefined || (await ofDirectory(layer.path)) === (await ofDirectory(disk.path));
}

/** Links of the directories resolved, that of the last part kept. */
export async function ofDirectory(file: string): Promise<string> {
  const directory = await realpath(path.dirname(path.normalize(file))).catch(() => path.dirname(path.normalize(file)));
  return path.join(directory, path.basename(file));
}

/**
 * The layers on disk and in qemu, which must be the same, in the same order. The layer the guest was started with has the name `disk.N`
 * there, which is a link to another layer by now: such a one is told by its position alone. Errors: broken_chain.
 */
export async function matchChain(disk: SnapshotDisk, live: LiveDisk): Promise<readonly Layer[]> {
  const layers = await readChain(disk.path, disk.format, disk.root);
  const own = await ofDirectory(disk.path);
  const differs = async (): Promise<string | undefined> => {
    if (layers.length !== live.chain.length) return `${live.chain.length} layers are open, ${layers.length} are on disk`;
    for (const [position, { path: file }] of live.chain.entries()) {
      const layer = layers[position]?.path;
      if ((await ofDirectory(file)) === own) continue;
      if ((await realpath(file).catch(() => undefined)) !== layer) return `${file} is open where ${layer} is on disk`;
    }
    return undefined;
  };
  const why = await differs();
  if (why !== undefined) throw new StorageError('broken_chain', `${disk.path}: the guest has other files open than are on disk: ${why}`);
  return layers;
}
