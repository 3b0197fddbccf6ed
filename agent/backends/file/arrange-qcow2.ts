import { readdir, readlink, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { StorageError } from '../../../runtime/errors.ts';
import { checkHeader } from '../../images/gate.ts';
import { rebase } from '../../tools/qemu-img.ts';
import type { ToolContext } from '../../tools/run.ts';
import { layerFiles, type Received } from './arrange.ts';
import { readHeader } from './layers.ts';
import { exists } from './look.ts';

/**
 * The header gate for a received qcow2 disk: each of its files is qcow2, and a backing name can only mean another of them. Also a name that
 * the self link of the source gave them, once or, by libvirt's block jobs, again and again (`disk.0.snap/disk.0.snap/5`). Errors: bad_image.
 */
export async function checkLayers(received: string, found: Received): Promise<void> {
  const disk = path.join(received, found.name);
  if (found.active === undefined) await checkHeader(disk, 'qcow2', { backing: 'none' });
  if (!found.hasSnapshots) return;
  const snapshots = `${disk}.snap`;
  const files = new Set(await layerFiles(snapshots));
  const own = new Set(await selfLinks(snapshots));
  const backing = (name: string): boolean => {
    const words = name.split('/');
    const file = words.pop() ?? '';
    return words.every((word) => own.has(word) || word === `${found.name}.snap`) && files.has(file);
  };
  for (const file of files) await checkHeader(path.join(snapshots, file), 'qcow2', { backing });
}

/** Links in a .snap directory that point at the directory itself: names by which backing names may call it. */
export async function selfLinks(snapshots: string): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await readdir(snapshots, { withFileTypes: true })) {
    if (entry.isSymbolicLink() && (await readlink(path.join(snapshots, entry.name))) === '.') names.push(entry.name);
  }
  return names;
}

/** Makes `<name>.snap` → `.` in a .snap directory, so that backing names with it resolve from inside (contract 2.2). */
async function addSelfLink(snapshots: string, name: string): Promise<void> {
  const at = path.join(snapshots, name);
  if (await exists(at)) return;
  await symlink('.', at);
}

/**
 * Gives the layers backing names of the disk they become: a chain that was disk.0 of another VM would, as disk.2, be read through this VM's
 * disk.0.snap. Only names in headers change. Done again, it changes nothing.
 */
export async function renameBackings(received: string, found: Received, target: string, context: ToolContext): Promise<void> {
  const snapshots = path.join(received, `${found.name}.snap`);
  await addSelfLink(snapshots, `${target}.snap`);
  for (const file of await layerFiles(snapshots)) {
    const layer = path.join(snapshots, file);
    const { backingName } = await readHeader(layer);
    if (backingName === undefined) continue;
    const name = `${target}.snap/${path.basename(backingName)}`;
    if (name === backingName) continue;
    await rebase(layer, 'qcow2', { name, format: 'qcow2' }, { unsafe: true }, context);
    if ((await readHeader(layer)).backingName !== name) throw new StorageError('broken_chain', `${layer} kept its old backing name`);
  }
}

/** `<id>.current` holds a path (contract 2.2); a disk under a new name needs the new one. `final`: the .snap directory when it is published. */
export async function renamePointers(snapshots: string, pointers: ReadonlyMap<string, string>, final: string): Promise<void> {
  for (const [file, layer] of pointers) await writeFile(path.join(snapshots, file), `${path.join(final, layer)}\n`, { flush: true });
}
