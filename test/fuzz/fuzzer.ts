import { performance } from 'node:perf_hooks';
import { type Reason, StorageError } from '../../runtime/errors.ts';

/** Numbers that a seed decides (mulberry32), so that a failure comes again. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 to below `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let word = this.#state;
    word = Math.imul(word ^ (word >>> 15), word | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return Math.floor((((word ^ (word >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  chance(share: number): boolean {
    return this.below(1_000_000) < share * 1_000_000;
  }

  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new Error('nothing to pick from');
    return list[this.below(list.length)] as T;
  }

  /** `count` times what `make` makes. */
  list<T>(count: number, make: () => T): T[] {
    return Array.from({ length: count }, make);
  }
}

/** One kind of input and the one function that meets it. */
export interface Family<Input> {
  readonly name: string;
  /** In CI; ONESTORAGE_FUZZ_SCALE multiplies it. */
  readonly inputs: number;
  /** The only reason for which such an input may be refused. */
  readonly refusal: Reason;
  make(random: Random): Input;
  /** The function under test; may give a promise. */
  take(input: Input): unknown;
  /** An opinion of its own: what is wrong with having taken the input so. Never the code under test. */
  wrong(input: Input, taken: unknown): string | undefined;
  /** Is the input right for certain, so that it must be taken? */
  mustTake?(input: Input): boolean;
  /** Fewer would mean that the fuzz never gets inside. */
  readonly takenAtLeast: number;
}

export interface Report {
  readonly name: string;
  readonly inputs: number;
  readonly taken: number;
  readonly crashes: readonly string[];
  readonly hangs: readonly string[];
  readonly wrong: readonly string[];
}

/** Far above what any input takes on any machine: only what never ends, or nearly so, is caught. */
const HANG_MS = 5_000;
const KEEP = 5;

/** Throws nothing: what went wrong is in the report. */
export async function fuzz<Input>(family: Family<Input>, seed: number, scale: number): Promise<Report> {
  const random = new Random(seed);
  const [crashes, hangs, wrong]: string[][] = [[], [], []];
  let taken = 0;
  const inputs = Math.ceil(family.inputs * scale);
  for (let index = 0; index < inputs; index += 1) {
    const input = family.make(random);
    const note = (list: string[] | undefined, text: string): void => {
      list?.push(list.length < KEEP ? `${family.name} ${index}: ${text}: ${shown(input)}` : '…');
    };
    const started = performance.now();
    try {
      const result = await family.take(input);
      taken += 1;
      const problem = family.wrong(input, result);
      if (problem !== undefined) note(wrong, problem);
    } catch (thrown) {
      const problem = refusalProblem(thrown, family.refusal);
      if (problem !== undefined) note(crashes, problem);
      else if (family.mustTake?.(input) === true) note(wrong, `refused: ${(thrown as Error).message}`);
    }
    if (performance.now() - started > HANG_MS) note(hangs, 'took too long');
  }
  return { name: family.name, inputs, taken, crashes: crashes ?? [], hangs: hangs ?? [], wrong: wrong ?? [] };
}

/** A refusal is a StorageError with its one reason, in one short printable line. */
function refusalProblem(thrown: unknown, reason: Reason): string | undefined {
  if (!(thrown instanceof StorageError)) return `threw ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`;
  if (thrown.reason !== reason) return `was refused as ${thrown.reason}, not ${reason}`;
  if (thrown.message === '' || thrown.message.length > 20_000 || /\p{Cc}/u.test(thrown.message)) return 'was not refused in one line';
  return undefined;
}

/** One line of it; bytes in hexadecimal. */
function shown(input: unknown): string {
  const replaced = (_: string, value: unknown): unknown => {
    const data: unknown = Object(value)['type'] === 'Buffer' ? Reflect.get(Object(value), 'data') : undefined;
    return Array.isArray(data)
      ? Buffer.from(data as number[])
          .toString('hex')
          .slice(0, 400)
      : value;
  };
  return JSON.stringify(input, replaced).slice(0, 600);
}

const HOSTILE = [
  '',
  '\0',
  '\n',
  '\r',
  '\u001b',
  '\u2028',
  '\ufffd',
  '\ud800',
  '..',
  '/',
  '//',
  ':',
  '-',
  "'",
  '"',
  '`',
  '$(x)',
  ';',
  '|',
  '&',
  ' ',
  '%n',
  '\\',
  '😀',
  '%00',
  '0x10',
  '1e3',
  '-0',
  '+1',
  '٣',
];

/** A string with a few edits: parts lost, doubled, moved, replaced by what programs trip over. */
export function mangle(text: string, random: Random, hostile: readonly string[] = HOSTILE): string {
  const at = random.below(text.length + 1);
  const length = random.below(Math.min(text.length - at, 40) + 1);
  const [before, part, after] = [text.slice(0, at), text.slice(at, at + length), text.slice(at + length)];
  switch (random.below(6)) {
    case 0:
      return before + after;
    case 1:
      return before + part + part + after;
    case 2:
      return after + part + before;
    case 3:
      return before + random.pick(hostile) + part + after;
    case 4:
      return before + random.pick(hostile) + after;
    default:
      return at < text.length ? before + String.fromCharCode(text.charCodeAt(at) ^ (1 << random.below(7))) + text.slice(at + 1) : before;
  }
}
