import path from 'node:path';
import { asStorageError, type StorageError } from '../../runtime/errors.ts';
import type { DiskSizes, VmSizes } from '../../runtime/monitord/template.ts';
import { type Layers, measureDisk } from './disk-sizes.ts';
import { directoryState, type Look, namesIn, numbersIn } from './look.ts';

interface KnownDisk {
  readonly id: number;
  readonly hasSnapshots: boolean;
}

interface KnownVm {
  readonly state: string;
  readonly disks: readonly KnownDisk[];
  readonly layers: ReadonlyMap<number, Layers>;
}

/** What the last walk found, by virtual machine. A walk changes it. */
export type DatastoreMemory = Map<number, KnownVm>;

const DISK = /^disk\.(0|[1-9]\d{0,8})$/u;

/**
 * Measures every virtual machine in a system datastore. One that cannot be measured is told to `failed` and left out; the others are not
 * kept from it. Throws when the datastore itself cannot be read, or the signal is aborted.
 */
export async function measureDatastore(
  root: string,
  memory: DatastoreMemory,
  look: Look,
  failed: (vm: number, error: StorageError) => void,
): Promise<readonly VmSizes[]> {
  const ids = numbersIn(await namesIn(root, look));
  const present = new Set(ids);
  for (const id of memory.keys()) if (!present.has(id)) memory.delete(id);
  const found: VmSizes[] = [];
  for (const id of ids) {
    try {
      const disks = await measureVm(path.join(root, String(id)), id, memory, look);
      if (disks.length > 0) found.push({ id, disks });
    } catch (thrown) {
      look.signal.throwIfAborted();
      memory.delete(id);
      failed(id, asStorageError(thrown, `measure virtual machine ${id}`));
    }
  }
  return found;
}

async function measureVm(directory: string, id: number, memory: DatastoreMemory, look: Look): Promise<readonly DiskSizes[]> {
  const known = memory.get(id);
  const state = await directoryState(directory, look);
  if (state === undefined) return [];
  const disks = known !== undefined && state !== '' && known.state === state ? known.disks : disksIn(await namesIn(directory, look));
  const layers = new Map<number, Layers>();
  const sizes: DiskSizes[] = [];
  for (const disk of disks) {
    const measured = await measureDisk(directory, disk, known?.layers.get(disk.id), look);
    if (measured === undefined) continue;
    sizes.push(measured.sizes);
    if (measured.layers !== undefined) layers.set(disk.id, measured.layers);
  }
  memory.set(id, { state, disks, layers });
  return sizes;
}

function disksIn(names: readonly string[]): readonly KnownDisk[] {
  const all = new Set(names);
  return numbersIn(names, DISK).map((id) => ({ id, hasSnapshots: all.has(`disk.${id}.snap`) }));
}
