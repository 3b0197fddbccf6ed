import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { StorageError } from '../../runtime/errors.ts';
import { readHeader } from '../backends/file/layers.ts';
import type { Located } from '../backends/file/places.ts';
import { isKnownByLink } from '../backends/live/disk.ts';
import { type WrittenDisk, writtenDisks } from '../backends/live/migration-plan.ts';
import type { Domain } from '../tools/virsh.ts';
import type { SourceEntry } from './entries.ts';
import { allocatedBytes } from './staging.ts';

/**
 * The directory of a guest that runs, as its target needs it before the hypervisor moves the guest: what the guest writes to is an image to be
 * made there, empty and of the same size, format and backing file; all else is copied. Errors: those of writtenDisks.
 */
export async function guestEntries(domain: Domain, located: Located, entries: readonly SourceEntry[]): Promise<readonly SourceEntry[]> {
  const context = { signal: new AbortController().signal };
  const images = new Map<string, SourceEntry>();
  const links = new Map<string, string>();
  const byFile = new Map<string, SourceEntry>();
  for (const entry of entries) if (entry.type === 'file') byFile.set(await realpath(entry.file), entry);
  for (const written of await writtenDisks(domain, located, context)) {
    const [active] = written.layers;
    const entry = active === undefined ? undefined : byFile.get(active.path);
    if (active === undefined || entry === undefined) {
      throw new StorageError('conflict', `${written.disk.path} is not a plain file in its directory; nothing was copied`);
    }
    images.set(entry.path, await imageOf(entry, written));
    const below = await layerKnownByLink(written);
    if (below !== undefined) links.set(written.disk.name, `${written.disk.name}.snap/${path.basename(below)}`);
  }
  return entries.map((entry) => {
    const link = entry.type === 'link' ? links.get(entry.path) : undefined;
    return images.get(entry.path) ?? (link === undefined ? entry : { ...entry, link });
  });
}

async function imageOf(entry: SourceEntry, { disk, layers }: WrittenDisk): Promise<SourceEntry> {
  const size = layers[0]?.virtualSize ?? 0;
  let allocated = 0;
  // The hypervisor may write all of the chain into the one image.
  for (const layer of layers) allocated += await allocatedBytes(layer.path);
  const backing = disk.format === 'qcow2' ? ((await readHeader(entry.file)).backingName ?? '') : '';
  return { ...entry, type: 'image', sizeBytes: size, allocatedBytes: Math.min(allocated, size), version: '', format: disk.format, backing };
}

/**
 * The layer the guest was started with: libvirt calls it by the name of the disk, a link that leads to another layer by now, and will do so on
 * the target. There the link leads to that layer until the guest has come.
 */
async function layerKnownByLink({ disk, layers, live }: WrittenDisk): Promise<string | undefined> {
  for (const [position, layer] of live.chain.entries()) {
    if (position > 0 && (await isKnownByLink(disk, layer))) return layers[position]?.path;
  }
  return undefined;
}
