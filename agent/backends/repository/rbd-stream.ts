import { oneLine } from '../../../runtime/errors.ts';
import { StreamFields } from './stream-fields.ts';

/** What an export of Ceph says, in its order. Data and zeros lie within the size of the difference before them. */
export type RbdEvent =
  | Difference
  | { readonly type: 'data'; readonly offset: number; readonly data: Buffer }
  | { readonly type: 'zeros'; readonly offset: number; readonly length: number };

/** What follows is the difference between two snapshots. */
export interface Difference {
  readonly type: 'difference';
  /** undefined: nothing, an image that is all zeros. */
  readonly from: string | undefined;
  /** undefined: the image as it was, which is no snapshot. */
  readonly to: string | undefined;
  /** Of the image at its end. */
  readonly sizeBytes: number;
}

const DIFFERENCE = { 1: 'rbd diff v1\n', 2: 'rbd diff v2\n' } as const;
const IMAGE = 'rbd image v2\n';
const DIFFERENCES = 'rbd image diffs v2\n';
/** Of an image's own properties, which are not its content, these are numbers: order, format, features, stripes. */
const NUMBERS = 'OFTUC';
const LONGEST_NAME = 4096;
const U64 = 8;

/**
 * Reads what `rbd export --export-format 2` ("rbd image v2", doc/dev/rbd-export.rst of Ceph) or `rbd export-diff` ("rbd diff v1", rbd-diff.rst) has
 * written, to its very end. Everything is checked, and nothing is taken that is not known, but properties of the image. Throws repository_damaged.
 */
export async function* readRbd(source: AsyncIterable<Buffer>, what: string): AsyncGenerator<RbdEvent> {
  const fields = new StreamFields(source, what);
  try {
    const banner = await text(fields, DIFFERENCE[1].length);
    if (banner === DIFFERENCE[1]) yield* readDifference(fields, 1);
    else if (banner === DIFFERENCE[2]) yield* readDifference(fields, 2);
    else if (banner + (await text(fields, 1)) === IMAGE) yield* readImage(fields);
    else throw fields.damaged('it begins as something else');
    if (!(await fields.atEnd())) throw fields.damaged('something follows its end');
  } finally {
    await fields.close();
  }
}

/** Properties, and then a difference for each snapshot and one for the image as it was; each goes on where the one before it ends. */
async function* readImage(fields: StreamFields): AsyncGenerator<RbdEvent> {
  await skipProperties(fields);
  await expectText(fields, DIFFERENCES);
  const count = await number(fields);
  if (count === 0) throw fields.damaged('it holds nothing');
  let before: string | undefined;
  for (let index = 0; index < count; index += 1) {
    await expectText(fields, DIFFERENCE[2]);
    for await (const event of readDifference(fields, 2)) {
      if (event.type === 'difference') {
        if (event.from !== before) throw fields.damaged(`snapshot ${shown(event.from)} is continued, after ${shown(before)}`);
        if ((event.to === undefined) !== (index === count - 1)) throw fields.damaged('its snapshots do not end with the image');
        before = event.to;
      }
      yield event;
    }
  }
}

/** Those that are not known say nothing of the content, either. */
async function skipProperties(fields: StreamFields): Promise<void> {
  for (;;) {
    const tag = await text(fields, 1);
    if (tag === 'E') return;
    const length = await number(fields);
    if (NUMBERS.includes(tag) && length !== U64) throw fields.damaged(`its property ${tag} has ${length} bytes`);
    await fields.skip(length);
  }
}

/** A record's tag, and the bytes that are said to follow: only the second version says so, and not of the end. */
interface RbdRecord {
  readonly tag: string;
  readonly length: number | undefined;
}

async function* readDifference(fields: StreamFields, version: 1 | 2): AsyncGenerator<RbdEvent> {
  const { head, next } = await readHead(fields, version);
  yield head;
  for (let record = next; record.tag !== 'e'; record = await readRecord(fields, version)) {
    const { tag } = record;
    if (tag !== 'w' && tag !== 'z') throw fields.damaged(`its record ${shown(tag)} is not known, or out of place`);
    const offset = await number(fields);
    const count = await number(fields);
    mustHave(fields, record, tag === 'w' ? 2 * U64 + count : 2 * U64);
    if (count === 0 || offset + count > head.sizeBytes) throw fields.damaged(`${count} bytes at ${offset} of ${head.sizeBytes}`);
    if (tag === 'z') yield { type: 'zeros', offset, length: count };
    else yield* readData(fields, offset, count);
  }
}

/** What stands before the first data, in any order; and the first record that is no part of it. */
async function readHead(fields: StreamFields, version: 1 | 2): Promise<{ readonly head: Difference; readonly next: RbdRecord }> {
  const found = new Map<string, number | string>();
  for (;;) {
    const record = await readRecord(fields, version);
    const { tag } = record;
    if (found.has(tag)) throw fields.damaged(`its record ${tag} is there twice`);
    if (tag === 'f' || tag === 't') found.set(tag, await readName(fields, record));
    else if (tag === 's') {
      mustHave(fields, record, U64);
      found.set(tag, await number(fields));
    } else if (tag === 'p' && version === 2) {
      // Whether the snapshot was protected: one byte, of which Ceph before 17 says that it is eight.
      if (record.length !== 8) mustHave(fields, record, 1);
      found.set(tag, (await fields.take(1)).readUInt8());
    } else {
      const [from, to, sizeBytes] = ['f', 't', 's'].map((each) => found.get(each));
      if (typeof sizeBytes !== 'number') throw fields.damaged('a difference has no size');
      return { head: { type: 'difference', from: from?.toString(), to: to?.toString(), sizeBytes }, next: record };
    }
  }
}

async function readRecord(fields: StreamFields, version: 1 | 2): Promise<RbdRecord> {
  const tag = await text(fields, 1);
  return { tag, length: version === 2 && tag !== 'e' ? await number(fields) : undefined };
}

function mustHave(fields: StreamFields, { tag, length }: RbdRecord, bytes: number): void {
  if (length !== undefined && length !== bytes) throw fields.damaged(`its record ${tag} has ${length} bytes, not ${bytes}`);
}

async function* readData(fields: StreamFields, offset: number, count: number): AsyncGenerator<RbdEvent> {
  let at = offset;
  for await (const data of fields.pieces(count)) {
    yield { type: 'data', offset: at, data };
    at += data.length;
  }
}

async function readName(fields: StreamFields, record: RbdRecord): Promise<string> {
  const length = (await fields.take(4)).readUInt32LE();
  mustHave(fields, record, 4 + length);
  if (length === 0 || length > LONGEST_NAME) throw fields.damaged(`the name of a snapshot has ${length} bytes`);
  return (await fields.take(length)).toString('utf8');
}

async function number(fields: StreamFields): Promise<number> {
  const value = (await fields.take(U64)).readBigUInt64LE();
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw fields.damaged(`it speaks of ${value} bytes`);
  return Number(value);
}

async function text(fields: StreamFields, length: number): Promise<string> {
  return (await fields.take(length)).toString('latin1');
}

async function expectText(fields: StreamFields, expected: string): Promise<void> {
  if ((await text(fields, expected.length)) !== expected) throw fields.damaged(`"${expected.trim()}" is not where it should be`);
}

/** A name that somebody has given, for a message. */
export function shown(name: string | undefined): string {
  return name === undefined ? 'nothing' : JSON.stringify(oneLine(name).slice(0, 100));
}
