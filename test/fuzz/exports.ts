import { createHash, type Hash } from 'node:crypto';
import { readRbd } from '../../agent/backends/repository/rbd-stream.ts';
import { realExport, STEPS } from '../helpers/ceph-exports.ts';
import { difference, image, inPieces } from '../helpers/rbd-export.ts';
import type { Family, Random } from './fuzzer.ts';

interface Export {
  readonly bytes: Buffer;
  /** Sizes of the pieces it comes in. */
  readonly pieces: readonly number[];
}

/** Real exports, and small ones that have a record of each kind: in those an edit hits more than data. */
export function seedExports(): Buffer[] {
  const data = Buffer.from('data of a guest');
  const extents = [
    { offset: 0, data },
    { offset: 100, data: 50 },
    { offset: 4081, data },
  ];
  const small = [
    difference(1, { size: 4096, extents }),
    difference(1, { from: 'one_backup_0', to: 'one_backup_1', size: 4096, extents }),
    difference(2, { from: 'one_backup_1', to: 'one_backup_2', size: 8192, extents }),
    image([{ size: 4096, extents }]),
    image([
      { to: '0', size: 4096, extents },
      { from: '0', to: 'one_backup_0', size: 8192, extents },
      { from: 'one_backup_0', size: 100, extents: [] },
    ]),
  ];
  // Real ones are long: a few of them are enough.
  return [...Array<Buffer[]>(10).fill(small).flat(), ...STEPS.map(realExport), realExport('clone')];
}

/** What was read, as text. How stretches of data were cut says nothing: those that touch are one. */
class Shown {
  #text = '';
  #data: { readonly offset: number; readonly hash: Hash; end: number } | undefined;

  head(from: string | undefined, to: string | undefined, size: number): void {
    this.#settle();
    this.#text += `${JSON.stringify([from ?? null, to ?? null, size])};`;
  }

  zeros(offset: number, length: number): void {
    this.#settle();
    this.#text += `z${offset}+${length};`;
  }

  data(offset: number, data: Buffer): void {
    if (this.#data?.end !== offset) this.#settle();
    this.#data ??= { offset, hash: createHash('sha1'), end: offset };
    this.#data.hash.update(data);
    this.#data.end += data.length;
  }

  text(): string {
    this.#settle();
    return this.#text;
  }

  #settle(): void {
    if (this.#data !== undefined) this.#text += `w${this.#data.offset}-${this.#data.end} ${this.#data.hash.digest('hex')};`;
    this.#data = undefined;
  }
}

const VALUES = [
  0n,
  1n,
  7n,
  8n,
  16n,
  17n,
  255n,
  4096n,
  4097n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];
const TAGS = 'ftspwzeOFTUCMEx';

function edited(bytes: Buffer, random: Random): Buffer {
  // Where the fields are, mostly.
  const at = random.below(random.chance(0.7) ? Math.min(bytes.length, 300) : bytes.length);
  const length = random.below(Math.min(bytes.length - at, 40) + 1);
  switch (random.below(7)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    case 3: {
      const field = Buffer.alloc(8);
      field.writeBigUInt64LE(random.pick(VALUES));
      return Buffer.concat([bytes.subarray(0, at), field, bytes.subarray(at + field.length)]);
    }
    case 4: {
      const copy = Buffer.from(bytes);
      copy.write(random.pick([...TAGS]), at);
      return copy;
    }
    case 5:
      return Buffer.concat([bytes, bytes.subarray(at, at + 1 + length)]);
    default: {
      const copy = Buffer.from(bytes);
      copy.writeUInt8(copy.readUInt8(at) ^ (1 << random.below(8)), at);
      return copy;
    }
  }
}

class NoExport extends Error {}

/** Another reader, of bytes that are all there. */
class Again {
  readonly #bytes: Buffer;
  readonly #shown = new Shown();
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  read(): string {
    if (this.#is('rbd diff v1\n')) this.#difference(1);
    else if (this.#is('rbd diff v2\n')) this.#difference(2);
    else if (this.#is('rbd image v2\n')) this.#image();
    else throw new NoExport('banner');
    if (this.#at !== this.#bytes.length) throw new NoExport('end');
    return this.#shown.text();
  }

  #image(): void {
    for (let tag = this.#tag(); tag !== 'E'; tag = this.#tag()) {
      const length = this.#u64();
      if ('OFTUC'.includes(tag) && length !== 8) throw new NoExport('property');
      this.#take(length);
    }
    if (!this.#is('rbd image diffs v2\n')) throw new NoExport('differences');
    const count = this.#u64();
    let below: string | undefined;
    for (let left = count; left > 0; left -= 1) {
      if (!this.#is('rbd diff v2\n')) throw new NoExport('difference');
      const { from, to } = this.#difference(2);
      if (from !== below || (to === undefined) !== (left === 1)) throw new NoExport('snapshots');
      below = to;
    }
    if (count === 0) throw new NoExport('count');
  }

  #difference(version: number): { readonly from: string | undefined; readonly to: string | undefined } {
    const head = new Map<string, string>();
    let size: number | undefined;
    for (let tag = this.#tag(); tag !== 'e'; tag = this.#tag()) {
      const length = version === 2 ? this.#u64() : undefined;
      const start = this.#at;
      if (tag === 'w' || tag === 'z') {
        if (size === undefined) {
          size = Number(head.get('s') ?? Number.NaN);
          this.#shown.head(head.get('f'), head.get('t'), size);
        }
        this.#extent(tag, size);
      } else {
        if (size !== undefined || head.has(tag)) throw new NoExport('order');
        head.set(tag, this.#fact(tag, version));
      }
      if (length !== undefined && this.#at - start !== length && !(tag === 'p' && length === 8)) throw new NoExport('length');
    }
    if (!head.has('s')) throw new NoExport('size');
    if (size === undefined) this.#shown.head(head.get('f'), head.get('t'), Number(head.get('s')));
    return { from: head.get('f'), to: head.get('t') };
  }

  #extent(tag: string, size: number): void {
    const [offset, count] = [this.#u64(), this.#u64()];
    if (count === 0 || !(offset + count <= size)) throw new NoExport('bounds');
    if (tag === 'z') this.#shown.zeros(offset, count);
    else this.#shown.data(offset, this.#take(count));
  }

  #fact(tag: string, version: number): string {
    if (tag === 's') return String(this.#u64());
    if (tag === 'p' && version === 2) return this.#take(1).toString('hex');
    if (tag !== 'f' && tag !== 't') throw new NoExport('tag');
    const count = this.#take(4).readUInt32LE();
    if (count === 0 || count > 4096) throw new NoExport('name');
    return this.#take(count).toString('utf8');
  }

  #tag(): string {
    return this.#take(1).toString('latin1');
  }

  #u64(): number {
    const value = this.#take(8).readBigUInt64LE();
    if (value >= 2n ** 53n) throw new NoExport('number');
    return Number(value);
  }

  #is(text: string): boolean {
    const found = this.#bytes.toString('latin1', this.#at, this.#at + text.length) === text;
    if (found) this.#at += text.length;
    return found;
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw new NoExport('short');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}

/** undefined: it is no export. */
function readAgain(bytes: Buffer): string | undefined {
  try {
    return new Again(bytes).read();
  } catch (thrown) {
    if (thrown instanceof NoExport) return undefined;
    throw thrown;
  }
}

async function readNow({ bytes, pieces }: Export): Promise<string> {
  const shown = new Shown();
  for await (const event of readRbd(inPieces(bytes, pieces), 'the export')) {
    if (event.type === 'difference') shown.head(event.from, event.to, event.sizeBytes);
    else if (event.type === 'zeros') shown.zeros(event.offset, event.length);
    else shown.data(event.offset, event.data);
  }
  return shown.text();
}

/** Every export of the family. */
export function exportsOfCeph(seeds: readonly Buffer[]): Family<Export> {
  return {
    name: 'exports of Ceph',
    inputs: 20_000,
    refusal: 'repository_damaged',
    takenAtLeast: 1_000,
    make(random) {
      let bytes = random.pick(seeds);
      for (let edits = random.below(4); edits > 0 && bytes.length > 0; edits -= 1) bytes = edited(bytes, random);
      const [shortest, longest] = bytes.length > 10_000 ? [4_000, 65_536] : [1, 200];
      return { bytes, pieces: random.list(1 + random.below(3), () => shortest + random.below(longest)) };
    },
    take: readNow,
    wrong({ bytes }, taken) {
      const again = readAgain(bytes);
      return again === taken ? undefined : `was read as ${String(taken).slice(0, 300)}, not ${again?.slice(0, 300)}`;
    },
    mustTake: ({ bytes }) => readAgain(bytes) !== undefined,
  };
}
