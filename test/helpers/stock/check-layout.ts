import { lstat, readdir, readFile, readlink, realpath } from 'node:fs/promises';
import path from 'node:path';
import { program } from '../disks.ts';

const NUMBER = /^(?:0|[1-9]\d*)$/u;
const REPLICA = new Set(['base', 'base.1', 'rs_tmp']);

/**
 * What OpenNebula's own drivers and libvirt rely on in a VM's directory or an image datastore (contract 2.2): one line a violation. Names of
 * disks and images are those before `.snap`.
 */
export async function checkStockLayout(directory: string): Promise<string[]> {
  const wrong: string[] = [];
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const { name } = entry;
    if (name.startsWith('.onestorage.')) wrong.push(`${name}: a temporary name`);
    if (entry.isSymbolicLink()) wrong.push(...(await checkLink(directory, name)));
    if (entry.isDirectory() && name.endsWith('.snap')) wrong.push(...(await checkSnapshots(directory, name)));
  }
  return wrong;
}

/** `disk.i` → `disk.i.snap/<n>`: relative, so that it moves with its directory. */
async function checkLink(directory: string, name: string): Promise<string[]> {
  const text = await readlink(path.join(directory, name));
  const [first, number = '', ...rest] = text.split('/');
  if (first !== `${name}.snap` || !NUMBER.test(number) || rest.length > 0) return [`${name}: points at ${text}, not at ${name}.snap/<n>`];
  const found = await lstat(path.join(directory, text)).catch(() => undefined);
  return found?.isFile() === true ? [] : [`${name}: ${text} is no plain file`];
}

async function checkSnapshots(directory: string, name: string): Promise<string[]> {
  const snapshots = path.join(directory, name);
  const wrong: string[] = [];
  const isLayered = (await lstat(path.join(directory, name.slice(0, -'.snap'.length))).catch(() => undefined))?.isSymbolicLink() === true;
  for (const entry of await readdir(snapshots, { withFileTypes: true })) {
    const at = `${name}/${entry.name}`;
    if (entry.isSymbolicLink()) {
      const text = await readlink(path.join(snapshots, entry.name));
      if (text !== '.' || !entry.name.endsWith('.snap')) wrong.push(`${at}: a link to ${text}, and no self link`);
    } else if (entry.name.endsWith('.current')) wrong.push(...(await checkPointer(snapshots, at, entry.name)));
    else if (NUMBER.test(entry.name)) wrong.push(...(isLayered ? await checkLayer(directory, name, entry.name) : []));
    else if (!REPLICA.has(entry.name)) wrong.push(`${at}: not a number`);
  }
  return wrong;
}

/** `<n>.current` names the file that holds snapshot n. */
async function checkPointer(snapshots: string, at: string, name: string): Promise<string[]> {
  const file = path.basename((await readFile(path.join(snapshots, name), 'utf8')).trim());
  const found = await lstat(path.join(snapshots, file)).catch(() => undefined);
  return NUMBER.test(name.slice(0, -'.current'.length)) && NUMBER.test(file) && found?.isFile() === true ? [] : [`${at}: names ${file}`];
}

/**
 * Backing names are relative and resolve from inside .snap. One with the disk's own name in it resolves from outside, too; a disk has no other.
 * An image may have that of the disk it was, by the self link that came with it.
 */
async function checkLayer(directory: string, name: string, layer: string): Promise<string[]> {
  const snapshots = path.join(directory, name);
  const at = `${name}/${layer}`;
  const info: unknown = JSON.parse(await program('qemu-img', 'info', '-f', 'qcow2', '--output=json', path.join(snapshots, layer)));
  const field = (key: string): unknown => Reflect.get(info as object, key);
  const backing = field('backing-filename');
  if (backing === undefined) return [];
  if (typeof backing !== 'string' || path.isAbsolute(backing)) return [`${at}: its backing name ${String(backing)} is not relative`];
  if (field('backing-filename-format') !== 'qcow2') return [`${at}: the format of its backing file is not said`];
  const isOwn = backing.startsWith(`${name}/`);
  if (backing.includes('/') && !isOwn && name.startsWith('disk.')) return [`${at}: its backing name ${backing} is another disk's`];
  const starts = isOwn ? [snapshots, directory] : [snapshots];
  const found = await Promise.all(starts.map((start) => realpath(path.resolve(start, backing)).catch(() => 'nothing')));
  const expected = path.join(await realpath(snapshots), path.basename(backing));
  return found.every((file) => file === expected) ? [] : [`${at}: its backing name ${backing} does not resolve from everywhere`];
}
