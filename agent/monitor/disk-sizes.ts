import { readlink } from 'node:fs/promises';
import path from 'node:path';
import type { DiskSizes } from '../../runtime/monitord/template.ts';
import { bytes } from '../../runtime/units.ts';
import { readHeader } from '../backends/file/layers.ts';
import { allocatedBytes, directoryState, type Look, namesIn, numbersIn } from './look.ts';

/** The files beside the active one. They do not change while nobody adds, removes or renames one. */
export interface Layers {
  readonly state: string;
  readonly active: string | undefined;
  readonly measuredAt: number;
  /** Allocated bytes by number. */
  readonly numbered: ReadonlyMap<number, number>;
  /** Allocated bytes of all layers below the active one. */
  readonly below: number;
}

/** A commit into a lower layer changes its size and no name, so sizes are kept for this long only. */
const KEEP_MS = 10 * 60 * 1000;
/** Far more than qemu opens; a loop ends by itself. */
const MAX_LAYERS = 1000;

export interface MeasuredDisk {
  readonly sizes: DiskSizes;
  readonly layers: Layers | undefined;
}

/**
 * Measures `disk.<id>` of a virtual machine's directory. `known`: what its layers were before. undefined: no such disk. The header of a
 * layer is read only where a link says that there are layers: the bytes of a plain file are its guest's.
 */
export async function measureDisk(
  directory: string,
  disk: { readonly id: number; readonly hasSnapshots: boolean },
  known: Layers | undefined,
  look: Look,
): Promise<MeasuredDisk | undefined> {
  const file = path.join(directory, `disk.${disk.id}`);
  const own = await allocatedBytes(file, look);
  if (own === undefined) return undefined;
  const layers = disk.hasSnapshots ? await layersOf(file, known, look) : undefined;
  const snapshots = [...(layers?.numbered ?? [])].map(([id, allocated]) => ({ id, allocated: bytes(allocated) }));
  return { sizes: { id: disk.id, allocated: bytes(own + (layers?.below ?? 0)), snapshots }, layers };
}

async function layersOf(file: string, known: Layers | undefined, look: Look): Promise<Layers | undefined> {
  const directory = `${file}.snap`;
  const state = await directoryState(directory, look);
  if (state === undefined) return undefined;
  await look.pace.take(look.signal);
  const link = await readlink(file).catch(() => undefined);
  const active = link === undefined ? undefined : layerName(directory, path.resolve(path.dirname(file), link));
  const now = look.now();
  if (known !== undefined && state !== '' && known.state === state && known.active === active && now - known.measuredAt < KEEP_MS) {
    return known;
  }
  const numbered = new Map<number, number>();
  for (const id of numbersIn(await namesIn(directory, look))) {
    // The active layer is the disk's present, not one of its snapshots.
    const allocated = String(id) === active ? undefined : await allocatedBytes(path.join(directory, String(id)), look);
    if (allocated !== undefined) numbered.set(id, allocated);
  }
  let below = 0;
  for (const name of active === undefined ? [] : await layersBelow(directory, active, look)) {
    below += numbered.get(Number(name)) ?? (await allocatedBytes(path.join(directory, name), look)) ?? 0;
  }
  return { state, active, measuredAt: now, numbered, below };
}

/** Names of the layers below the active one, as far as they are the disk's own. */
async function layersBelow(directory: string, active: string, look: Look): Promise<readonly string[]> {
  const seen = new Set([active]);
  for (let name = active; seen.size < MAX_LAYERS; ) {
    await look.pace.take(look.signal);
    // What is wrong with a chain is for fsck to say; here it ends.
    const header = await readHeader(path.join(directory, name)).catch(() => undefined);
    const next = header?.backingName === undefined ? undefined : layerName(directory, path.resolve(directory, header.backingName));
    if (next === undefined || seen.has(next)) break;
    seen.add(next);
    name = next;
  }
  return [...seen].slice(1);
}

/** The name of a file directly in the directory, maybe through links of the directory to itself (contract 2.2); undefined: another's file. */
function layerName(directory: string, file: string): string | undefined {
  const parts = path.relative(directory, file).split('/');
  const name = parts.pop();
  return name !== '' && name !== '..' && parts.every((part) => part.endsWith('.snap')) ? name : undefined;
}
