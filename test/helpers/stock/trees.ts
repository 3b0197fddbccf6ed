import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type Format, program } from '../disks.ts';

/** Directories as OpenNebula's own drivers leave them (contract 2.2), made with qemu-img: what onestorage takes over at the switch. */
export interface StockTree {
  readonly base: string;
  readonly datastores: string;
  /** VM 9 in system datastore 0. */
  readonly vm: string;
  /** Image datastore 1. */
  readonly images: string;
  remove(): Promise<void>;
}

export interface StockDisk {
  /** In the VM's directory, or in the image datastore. */
  readonly name: string;
  readonly format: Format;
  /** Snapshot id → its file in .snap. */
  readonly snapshots: Readonly<Record<number, string>>;
}

const SIZE = 512 * 1024;
export const IMAGE = '0123456789abcdef0123456789abcdef';
export const RAW_IMAGE = 'fedcba9876543210fedcba9876543210';

/** Full copies by the ssh driver, ids with two digits, leftovers of its replicas. */
export const RAW_DISK: StockDisk = { name: 'disk.0', format: 'raw', snapshots: { 0: '0', 1: '1', 10: '10', 11: '11' } };
/** Layers named from the VM's directory, a self link; snapshot 10 is held by file 9 after a live delete. */
export const LAYERED_DISK: StockDisk = { name: 'disk.1', format: 'qcow2', snapshots: { 0: '0', 1: '1', 2: '2', 10: '9' } };
/** A clone of a qcow2 image by the ssh driver: a plain file. */
export const PLAIN_QCOW2: StockDisk = { name: 'disk.2', format: 'qcow2', snapshots: {} };
/** Layers by the local driver: named from inside .snap, no self link. */
export const LOCAL_DISK: StockDisk = { name: 'disk.3', format: 'qcow2', snapshots: { 0: '0', 1: '1' } };
/** Snapshots of a plain qcow2 file by the ssh driver are full copies, too. */
export const COPIED_QCOW2: StockDisk = { name: 'disk.7', format: 'qcow2', snapshots: { 0: '0' } };
export const VM_DISKS: readonly StockDisk[] = [RAW_DISK, LAYERED_DISK, PLAIN_QCOW2, LOCAL_DISK, COPIED_QCOW2];
/** A persistent image with snapshots: a link to one of its layers, a checksum beside it. */
export const LAYERED_IMAGE: StockDisk = { name: IMAGE, format: 'qcow2', snapshots: { 0: '0', 10: '10' } };
export const COPIED_IMAGE: StockDisk = { name: RAW_IMAGE, format: 'raw', snapshots: { 0: '0' } };

async function emptyTree(): Promise<StockTree> {
  const base = await mkdtemp(path.join(os.tmpdir(), 'onestorage-stock-'));
  const datastores = path.join(base, 'datastores');
  return {
    base,
    datastores,
    vm: path.join(datastores, '0/9'),
    images: path.join(datastores, '1'),
    remove: () => rm(base, { recursive: true, force: true }),
  };
}

/** The same files in a directory of their own: making them takes many processes, copying them one. */
export async function copyStockTree(tree: StockTree): Promise<StockTree> {
  const copy = await emptyTree();
  await program('cp', '-a', tree.datastores, copy.datastores);
  return copy;
}

export async function makeStockTree(): Promise<StockTree> {
  const tree = await emptyTree();
  const { datastores, vm, images } = tree;
  await mkdir(vm, { recursive: true });
  await mkdir(images, { recursive: true });
  await writeFile(path.join(datastores, '0/.monitor'), 'ssh');
  await makeDisks(vm);
  await makeOtherFiles(vm);
  await makeImages(images);
  return tree;
}

async function makeDisks(vm: string): Promise<void> {
  await makeCopies(vm, RAW_DISK);
  for (const name of ['base', 'base.1', 'rs_tmp']) await writeFile(path.join(vm, 'disk.0.snap', name), `replica ${name}`);
  await makeLayers(vm, LAYERED_DISK.name, ['0', '1', '2', '9', '11'], (backing) => `disk.1.snap/${backing}`);
  await symlink('.', path.join(vm, 'disk.1.snap/disk.1.snap'));
  await writeFile(path.join(vm, 'disk.1.snap/10.current'), `${vm}/disk.1.snap/9\n`);
  await makeFile(path.join(vm, PLAIN_QCOW2.name), 'qcow2', 21);
  await makeLayers(vm, LOCAL_DISK.name, ['0', '1', '2'], (backing) => backing);
  await makeCopies(vm, COPIED_QCOW2);
}

async function makeOtherFiles(vm: string): Promise<void> {
  // CDROM, volatile disk, context.
  await makeFile(path.join(vm, 'disk.4'), 'raw', 41);
  await makeFile(path.join(vm, 'disk.5'), 'raw', 51);
  await makeFile(path.join(vm, 'disk.6'), 'raw', 61);
  for (const name of ['vm.xml', 'ds.xml', 'deployment.0', 'deployment.1', 'checkpoint'])
    await writeFile(path.join(vm, name), `<${name}/>\n`);
}

async function makeImages(images: string): Promise<void> {
  await makeLayers(images, IMAGE, ['0', '10', '11'], (backing) => `${IMAGE}.snap/${backing}`);
  await symlink('.', path.join(images, `${IMAGE}.snap/${IMAGE}.snap`));
  await writeFile(path.join(images, `${IMAGE}.md5sum`), 'd41d8cd98f00b204e9800998ecf8427e\n');
  await makeCopies(images, COPIED_IMAGE);
}

/** A plain file, and a full copy for each snapshot, each with other content. */
async function makeCopies(directory: string, disk: StockDisk): Promise<void> {
  const file = path.join(directory, disk.name);
  await mkdir(`${file}.snap`);
  for (const [id, name] of Object.entries(disk.snapshots)) await makeFile(path.join(`${file}.snap`, name), disk.format, Number(id) + 1);
  await makeFile(file, disk.format, 100);
}

/** A chain of overlays, the last one active. Each adds a value at its own place. */
async function makeLayers(
  directory: string,
  name: string,
  layers: readonly string[],
  backingName: (layer: string) => string,
): Promise<void> {
  const snapshots = path.join(directory, `${name}.snap`);
  await mkdir(snapshots);
  for (const [index, layer] of layers.entries()) {
    const file = path.join(snapshots, layer);
    const below = layers[index - 1];
    const backing = below === undefined ? [] : ['-u', '-b', backingName(below), '-F', 'qcow2'];
    await program('qemu-img', 'create', '-q', '-f', 'qcow2', ...backing, file, String(SIZE));
    await writeCluster(file, index);
  }
  await symlink(`${name}.snap/${layers.at(-1)}`, path.join(directory, name));
}

async function writeCluster(file: string, index: number): Promise<void> {
  const image = JSON.stringify({ driver: 'qcow2', file: { driver: 'file', filename: file }, backing: null });
  await program('qemu-io', '-c', `write -P ${index + 1} ${index * 65_536} 65536`, `json:${image}`);
}

async function makeFile(file: string, format: Format, value: number): Promise<void> {
  await program('qemu-img', 'create', '-q', '-f', format, file, String(SIZE));
  await program('qemu-io', '-f', format, '-c', `write -P ${value} 65536 131072`, file);
}
