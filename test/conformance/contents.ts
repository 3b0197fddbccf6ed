import { mkdir, open, readFile, symlink } from 'node:fs/promises';
import path from 'node:path';
import { type Format, readContent } from '../helpers/disks.ts';
import { diskFacts, tool } from '../lab/tools.ts';

/** Disks of known content: every byte of every layer follows from this table, so that what a driver made is compared with it alone. */

export type { Format } from '../helpers/disks.ts';

const KIB = 1 << 10;
export const MIB = 1 << 20;
/** Small enough to be compared byte by byte hundreds of times. */
export const SIZE = 4 * MIB;

interface Write {
  readonly value: number;
  readonly offset: number;
  readonly size: number;
}

/** What a guest wrote before each snapshot: a few extents with holes between them, partial clusters, a write over an older one. */
const WRITES: readonly (readonly Write[])[] = [
  [
    { value: 0x11, offset: 0, size: 64 * KIB },
    { value: 0x12, offset: MIB + 4 * KIB, size: 8 * KIB },
    { value: 0x13, offset: 3 * MIB, size: 128 * KIB },
  ],
  [
    { value: 0x21, offset: 64 * KIB, size: 64 * KIB },
    { value: 0x22, offset: MIB + 8 * KIB, size: 4 * KIB },
  ],
  [
    { value: 0x31, offset: 2 * MIB, size: 64 * KIB },
    { value: 0x32, offset: 0, size: 4 * KIB },
  ],
  [{ value: 0x41, offset: 64 * KIB, size: 8 * KIB }],
];

export interface DiskShape {
  readonly format: Format;
  /** For each layer the one it lies on; the last is active. A layer below is the snapshot of its number. */
  readonly parents: readonly number[];
  /** `disk`: a qcow2 disk of a VM always has layers. `image`: without snapshots it is a plain file. */
  readonly place: 'disk' | 'image';
  /** The name without `.snap` by which backing files are named; an image that came back from a VM keeps that of the disk. */
  readonly self?: string;
  /** Other self links: a directory that got a new name keeps the one it had, so that any backing file that still uses it resolves. */
  readonly otherSelves?: readonly string[];
}

/** One after another: 0 ← 1 ← … */
export function layers(format: Format, count: number, place: DiskShape['place'], self?: string): DiskShape {
  const parents = Array.from({ length: count }, (_, index) => index - 1);
  return { format, parents, place, ...(self === undefined ? {} : { self }) };
}

/** What a guest reads of a layer; a larger disk ends in zeros. */
export function content(layer: number, parents: readonly number[] = [-1, 0, 1, 2], size = SIZE): Buffer {
  const parent = parents[layer] ?? -1;
  const below = parent < 0 ? Buffer.alloc(size) : content(parent, parents, size);
  for (const { value, offset, size: length } of WRITES[layer] ?? []) below.fill(value, offset, offset + length);
  return below;
}

export function activeContent(shape: DiskShape, size = SIZE): Buffer {
  return content(shape.parents.length - 1, shape.parents, size);
}

function isLayered({ format, parents, place }: DiskShape): boolean {
  return format === 'qcow2' && (place === 'disk' || parents.length > 1);
}

/** Writes the files of a disk into a directory, as the layout on disk demands (contract 2.2). */
export async function putDisk(directory: string, name: string, shape: DiskShape): Promise<void> {
  await mkdir(directory, { recursive: true });
  const file = path.join(directory, name);
  const { format, parents, self = name } = shape;
  const active = parents.length - 1;
  if (parents.length > 1 || isLayered(shape)) await mkdir(`${file}.snap`, { recursive: true });
  if (!isLayered(shape)) {
    if (format === 'qcow2') return await makeQcow2(file, content(0));
    for (let layer = 0; layer < active; layer += 1) await writeSparse(`${file}.snap/${layer}`, content(layer, parents));
    return await writeSparse(file, activeContent(shape));
  }
  await symlink('.', path.join(`${file}.snap`, `${self}.snap`));
  for (const [layer, parent] of parents.entries()) {
    const at = path.join(`${file}.snap`, String(layer));
    if (parent < 0) await makeQcow2(at, content(layer, parents));
    else await makeOverlay(at, `${self}.snap/${parent}`, WRITES[layer] ?? []);
  }
  await symlink(`${name}.snap/${active}`, file);
}

async function makeQcow2(file: string, bytes: Buffer): Promise<void> {
  await writeSparse(`${file}.raw`, bytes);
  await tool('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', `${file}.raw`, file);
  await tool('rm', `${file}.raw`);
}

async function makeOverlay(file: string, backing: string, writes: readonly Write[]): Promise<void> {
  await tool('qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', backing, file);
  const commands = writes.flatMap(({ value, offset, size }) => ['-c', `write -P ${value} ${offset} ${size}`]);
  if (commands.length > 0) await tool('qemu-io', '-f', 'qcow2', ...commands, file);
}

/** Zeros become holes. */
export async function writeSparse(file: string, bytes: Buffer): Promise<void> {
  const block = 4 * KIB;
  const zeros = Buffer.alloc(block);
  const handle = await open(file, 'w');
  try {
    await handle.truncate(bytes.length);
    for (let at = 0; at < bytes.length; at += block) {
      const piece = bytes.subarray(at, at + block);
      if (!piece.equals(zeros.subarray(0, piece.length))) await handle.write(piece, 0, piece.length, at);
    }
  } finally {
    await handle.close();
  }
}

/** The names of a disk's files, as `tree` of test/helpers/disks.ts writes them. */
export function diskNames(name: string, shape: DiskShape, without: readonly number[] = []): string[] {
  const { parents, self = name, otherSelves = [] } = shape;
  const active = parents.length - 1;
  const linked = isLayered(shape);
  const numbers = parents.map((_, layer) => layer).filter((layer) => (linked || layer < active) && !without.includes(layer));
  const below = numbers.map((layer) => `${name}.snap/${layer}`);
  if (linked) {
    const selves = [self, ...otherSelves].map((own) => `${name}.snap/${own}.snap -> .`);
    return [`${name} -> ${name}.snap/${active}`, `${name}.snap/`, ...below, ...selves];
  }
  return parents.length > 1 ? [name, `${name}.snap/`, ...below] : [name];
}

export type Check = () => Promise<void>;

/** A disk holds exactly these bytes; a qcow2 file says itself what lies below it. */
export function holds(file: string, format: Format, expected: Buffer): Check {
  return async () => {
    const found = await readContent(file, format);
    if (found.length !== expected.length) throw new Error(`${file} (${format}) has ${found.length} bytes, expected ${expected.length}`);
    if (found.equals(expected)) return;
    const at = found.findIndex((value, index) => value !== expected[index]);
    throw new Error(`${file} (${format}) differs at byte ${at}: ${found[at]}, expected ${expected[at]}`);
  };
}

/** Nothing lies below it: it can be given away alone. */
export function standsAlone(file: string, format: Format): Check {
  return async () => {
    if (format === 'raw') return;
    const { backing } = await diskFacts(file, format);
    if (backing !== undefined) throw new Error(`${file} lies on ${backing}`);
  };
}

/** Every layer of a disk and the disk itself. */
export function holdsLayers(file: string, shape: DiskShape, without: readonly number[] = []): Check[] {
  const { format, parents } = shape;
  const active = parents.length - 1;
  const snapshots = parents.map((_, layer) => layer).filter((layer) => layer < active && !without.includes(layer));
  return [
    holds(file, format, activeContent(shape)),
    ...snapshots.map((layer) => holds(`${file}.snap/${layer}`, format, content(layer, parents))),
  ];
}

/** A file that is no disk. */
export function isFile(file: string, expected: Buffer): Check {
  return async () => {
    if (!(await readFile(file)).equals(expected)) throw new Error(`${file} changed`);
  };
}
