import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, readlink, realpath, rm, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

export type Format = 'raw' | 'qcow2';

export const BLOCK = 4096;
/** Clusters are 64 KiB: blocks below that make partial clusters. */
export const BLOCKS = 128;

export async function program(name: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await execute(name, args, { env: { ...process.env, LANG: 'C' }, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

export interface TestDisk {
  readonly base: string;
  /** Directory of all datastores. */
  readonly datastores: string;
  readonly root: string;
  readonly directory: string;
  readonly name: string;
  readonly path: string;
  readonly format: Format;
  remove(): Promise<void>;
}

/** An empty disk `9/disk.0` of datastore 0. `layers`: as a clone of a qcow2 image makes it (contract 2.2). */
export async function makeDisk(format: Format, how: 'plain' | 'layers', place: 'disk' | 'image' = 'disk'): Promise<TestDisk> {
  const base = await mkdtemp(path.join(os.tmpdir(), 'onestorage-disk-'));
  const datastores = path.join(base, 'datastores');
  const root = path.join(datastores, place === 'disk' ? '0' : '1');
  const directory = place === 'disk' ? path.join(root, '9') : root;
  const name = place === 'disk' ? 'disk.0' : '0123456789abcdef0123456789abcdef';
  const file = path.join(directory, name);
  await mkdir(directory, { recursive: true });
  if (how === 'layers') {
    await mkdir(`${file}.snap`);
    await symlink('.', path.join(`${file}.snap`, `${name}.snap`));
    await symlink(`${name}.snap/0`, file);
  }
  await program('qemu-img', 'create', '-q', '-f', format, how === 'layers' ? `${file}.snap/0` : file, String(BLOCK * BLOCKS));
  return { base, datastores, root, directory, name, path: file, format, remove: () => rm(base, { recursive: true, force: true }) };
}

/** The same files in a directory of their own. */
export async function copyDisk(disk: TestDisk): Promise<TestDisk> {
  const base = await mkdtemp(path.join(os.tmpdir(), 'onestorage-disk-'));
  await program('cp', '-a', `${disk.base}/.`, base);
  const moved = (file: string): string => path.join(base, path.relative(disk.base, file));
  const [datastores, root, directory] = [moved(disk.datastores), moved(disk.root), moved(disk.directory)];
  return { ...disk, base, datastores, root, directory, path: moved(disk.path), remove: () => rm(base, { recursive: true, force: true }) };
}

/** Writes one value into a run of blocks, as a guest would. */
export async function writeBlocks(disk: TestDisk, first: number, count: number, value: number): Promise<void> {
  const command = `write -P ${value} ${first * BLOCK} ${count * BLOCK}`;
  await program('qemu-io', '-f', disk.format, '-c', command, await realpath(disk.path));
}

/** All that a guest would read. */
export async function readContent(file: string, format: Format): Promise<Buffer> {
  if (format === 'raw') return await readFile(file);
  const copy = path.join(await mkdtemp(path.join(os.tmpdir(), 'onestorage-content-')), 'raw');
  try {
    await program('qemu-img', 'convert', '-f', format, '-O', 'raw', await realpath(file), copy);
    return await readFile(copy);
  } finally {
    await rm(path.dirname(copy), { recursive: true });
  }
}

export type Model = Uint8Array<ArrayBuffer>;

/** Which blocks of a content differ from the model (one value a block), or its length. Empty: the same. */
export function differences(content: Buffer, model: Model): string[] {
  if (content.length !== model.length * BLOCK) return [`${content.length} bytes, expected ${model.length * BLOCK}`];
  const wrong: string[] = [];
  for (const [index, value] of model.entries()) {
    const block = content.subarray(index * BLOCK, (index + 1) * BLOCK);
    if (!block.equals(Buffer.alloc(BLOCK, value))) wrong.push(`block ${index}: ${block[0]}, expected ${value}`);
  }
  return wrong;
}

/** Every name below a directory with what it is, sorted: to compare states. Links are not followed (a recursive readdir does). */
export async function tree(directory: string, below = ''): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(path.join(directory, below), { withFileTypes: true })) {
    const name = path.join(below, entry.name);
    if (entry.isSymbolicLink()) found.push(`${name} -> ${await readlink(path.join(directory, name))}`);
    else if (entry.isDirectory()) found.push(`${name}/`, ...(await tree(directory, name)));
    else found.push(name);
  }
  return found.sort();
}
