import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { judge } from '../../agent/images/gate.ts';
import { type Family, Random } from './fuzzer.ts';

const execute = promisify(execFile);
const HEAD = 4 * 1024;
const TAIL = 512;
export const FILE_SIZE = 400 * 1024;

interface Header {
  readonly head: Buffer;
  readonly tail: Buffer;
  readonly declared: 'raw' | 'qcow2' | undefined;
  /** The content comes from outside; else it is one of our own layers. */
  readonly outside: boolean;
}

/** What one of our own layers may lie on. */
const OWN = 'disk.0.snap/0';

/** Starts of real images, good and bad ones, as qemu-img makes them. */
export async function seedHeads(): Promise<Buffer[]> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'onestorage-fuzz-'));
  const kinds: readonly (readonly string[])[] = [
    ['-f', 'qcow2'],
    ['-f', 'qcow2', '-o', 'compat=0.10'],
    ['-f', 'qcow2', '-o', 'cluster_size=512'],
    ['-f', 'qcow2', '-o', 'extended_l2=on,cluster_size=16k'],
    ['-f', 'qcow2', '-o', 'compression_type=zstd'],
    ['-f', 'qcow2', '-u', '-b', OWN, '-F', 'qcow2'],
    ['-f', 'qcow2', '-u', '-b', '/etc/passwd', '-F', 'raw'],
    ['-f', 'qcow2', '-u', '-b', 'nbd://127.0.0.1:9/x', '-F', 'raw'],
    ['-f', 'qcow2', '-o', `data_file=${path.join(directory, 'data')}`],
    ['-f', 'vmdk'],
    ['-f', 'vmdk', '-o', 'subformat=monolithicFlat'],
    ['-f', 'vdi'],
    ['-f', 'vhdx'],
    ['-f', 'vpc'],
    ['-f', 'parallels'],
    ['-f', 'qed'],
    ['-f', 'qcow'],
    ['-f', 'raw'],
  ];
  const heads: Buffer[] = [];
  try {
    for (const [index, options] of kinds.entries()) {
      const file = path.join(directory, String(index));
      // A format that this qemu was built without is one kind less.
      const made = await execute('qemu-img', ['create', '-q', ...options, '--', file, '1M']).catch(() => undefined);
      if (made !== undefined) heads.push((await readFile(file)).subarray(0, HEAD));
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  const start = (text: string): Buffer => Buffer.concat([Buffer.from(text, 'latin1'), Buffer.alloc(HEAD)]).subarray(0, HEAD);
  const disk = start('');
  disk.set([0x55, 0xaa], 510);
  return [
    ...heads,
    start('LUKS\xba\xbe\0\x01aes'),
    start('# Disk DescriptorFile\nversion=1\n'),
    start('version=1\nCID=1\nparentCID=ffffffff\ncreateType="monolithicFlat"\nRW 800 FLAT "/etc/hostname" 0\n'),
    start('# any\n  \r\nversion=3\r\nCID=1\n'),
    start('#!/bin/sh\n#V2.0 Format\n'),
    disk,
    start('\x1f\x8b\x08'),
  ];
}

const VALUES = [
  0, 1, 2, 3, 4, 8, 9, 21, 22, 63, 64, 72, 104, 112, 512, 65536, 0x7fffffff, 0x80000000, 0xffffffff, 0x44415441, 0x0537be77, 0x23852875,
  0xe2792aca,
];
const MAGICS = ['QFI\xfb', 'KDMV', 'COWD', 'QED\0', 'vhdxfile', 'conectix', 'LUKS\xba\xbe', 'koly'].map((text) =>
  Buffer.from(text, 'latin1'),
);

function makeHeader(heads: readonly Buffer[], random: Random): Header {
  const head = Buffer.from(random.pick(heads));
  const tail = Buffer.alloc(TAIL);
  for (let edits = random.below(4); edits > 0; edits -= 1) {
    switch (random.below(5)) {
      case 0:
        head.writeUInt32BE(random.pick(VALUES), 4 * random.below(64));
        break;
      case 1: {
        const at = random.below(256);
        head.writeUInt8(head.readUInt8(at) ^ (1 << random.below(8)), at);
        break;
      }
      case 2:
        head.writeBigUInt64BE(BigInt(random.pick(VALUES)) << BigInt(random.below(33)), 8 * random.below(32));
        break;
      case 3:
        random.pick(MAGICS).copy(random.chance(0.5) ? head : tail, random.chance(0.8) ? 0 : random.below(80));
        break;
      default:
        for (let at = random.below(200), end = at + random.below(24); at < end; at += 1) head.writeUInt8(random.below(256), at);
    }
  }
  const short = random.chance(0.05) ? head.subarray(0, random.below(200)) : head;
  return { head: short, tail, declared: random.pick(['raw', 'qcow2', undefined]), outside: random.chance(0.7) };
}

const at = (head: Buffer, position: number, text: string): boolean => head.toString('latin1', position, position + text.length) === text;

/** Reads the header again, without the code under test. */
function wrongHeader({ head, tail, declared, outside }: Header, taken: unknown): string | undefined {
  const { format, virtualSize } = taken as { format: string; virtualSize: number };
  if (declared !== undefined && format !== declared) return `was declared ${declared} and taken as ${format}`;
  return format === 'raw' ? wrongRaw(head, tail, virtualSize) : wrongQcow2(head, virtualSize, outside);
}

function wrongQcow2(head: Buffer, virtualSize: number, outside: boolean): string | undefined {
  if (!at(head, 0, 'QFI\xfb')) return 'has no magic';
  if (head.readUInt32BE(32) !== 0) return 'is encrypted';
  const version = head.readUInt32BE(4);
  if (version !== 2 && version !== 3) return `has version ${version}`;
  // Bits 1 and 2: corrupt, data in another file; above 4: unknown to anybody.
  if (version === 3 && (head.readBigUInt64BE(72) & ~0b11001n) !== 0n) return 'needs features that nobody may use';
  if (BigInt(virtualSize) !== head.readBigUInt64BE(24)) return `has the size ${virtualSize}`;
  const backing = head.readBigUInt64BE(8);
  if (backing === 0n) return undefined;
  const name = head.toString('utf8', Number(backing), Number(backing) + head.readUInt32BE(16));
  return outside || name !== OWN ? `refers to ${JSON.stringify(name)}` : undefined;
}

function wrongRaw(head: Buffer, tail: Buffer, virtualSize: number): string | undefined {
  const starts = ['QFI\xfb', 'QED\0', 'KDMV', 'COWD', 'vhdxfile', 'conectix', 'WithoutFreeSpace', '# Disk DescriptorFile'];
  const found = starts.find((text) => at(head, 0, text));
  if (found !== undefined) return `starts as ${JSON.stringify(found)} and was taken as raw`;
  if (at(head, 0x40, '\x7f\x10\xda\xbe')) return 'is a VDI and was taken as raw';
  if (at(tail, 0, 'conectix') || at(tail, 0, 'koly')) return 'ends as a VHD or DMG and was taken as raw';
  // As qemu reads the text form of a VMDK.
  if (/^(?:#[^\n]*\n| +\r?\n)*version=[123]\r?\n/.test(head.toString('latin1', 0, 512)))
    return 'is the text of a VMDK and was taken as raw';
  return virtualSize === FILE_SIZE ? undefined : `has the size ${virtualSize}`;
}

/** Every header of the family; those of images that were taken are kept for `seenByQemu`. */
export function headers(heads: readonly Buffer[], kept: Buffer[]): Family<Header> {
  return {
    name: 'image headers',
    inputs: 40_000,
    refusal: 'bad_image',
    takenAtLeast: 1_000,
    make: (random) => makeHeader(heads, random),
    take({ head, tail, declared, outside }) {
      const policy = { backing: outside ? ('none' as const) : (name: string) => name === OWN, import: true };
      return judge(head, tail, FILE_SIZE, declared, policy);
    },
    wrong(input, taken) {
      if (input.outside && kept.length < 4_000 && input.head.length === HEAD) kept.push(Buffer.from(input.head));
      return wrongHeader(input, taken);
    },
  };
}

/** Images that were taken from outside, a sample of them, written out and shown to qemu-img: what it opens must stand alone. */
export async function seenByQemu(kept: readonly Buffer[], seed: number, sample: number): Promise<string[]> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'onestorage-fuzz-'));
  const random = new Random(seed);
  const wrong: string[] = [];
  try {
    for (const head of random.list(kept.length === 0 ? 0 : sample, () => random.pick(kept))) {
      const file = path.join(directory, 'image');
      await writeFile(file, head);
      await truncate(file, FILE_SIZE);
      const qcow2 = at(head, 0, 'QFI\xfb');
      // qemu may still refuse what has no sound tables. Without -f it says what it takes the file for.
      const told = await execute('qemu-img', ['info', '--output=json', '-U', file]).catch(() => undefined);
      if (told === undefined) continue;
      const facts: Record<string, unknown> = JSON.parse(told.stdout);
      const expected = qcow2 ? ['qcow2'] : ['raw', 'luks'];
      if (
        !expected.includes(String(facts['format'])) ||
        facts['backing-filename'] !== undefined ||
        facts['encrypted'] === (qcow2 ? true : 'never')
      ) {
        wrong.push(`qemu-img sees ${told.stdout.replace(/\s+/g, ' ')} in ${head.subarray(0, 160).toString('hex')}`);
      }
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  return wrong;
}
