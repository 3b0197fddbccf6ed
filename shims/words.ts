import { oneLine, StorageError } from '../runtime/errors.ts';
import { ACTION_ROWS, type ACTIONS, type ActionName } from './actions.ts';
import { ARGUMENT_KINDS, type Argument, type ArgumentKind, type ArgumentValues, type HostPath, type MaybeHostPath } from './arguments.ts';

type ValueOf<G extends Argument> = G extends { many: true }
  ? readonly ArgumentValues[G['kind']][]
  : G extends { optional: true }
    ? ArgumentValues[G['kind']] | undefined
    : ArgumentValues[G['kind']];

/** The words of an action by name, typed by its row of the table. */
export type WordsOf<A extends ActionName> = {
  readonly [G in (typeof ACTIONS)[A]['arguments'][number] as G['kind'] extends 'flag' ? never : G['name']]: ValueOf<G>;
};

const MAX_ID = 2 ** 31 - 1;
const MAX_SIZE_MB = 2 ** 33;

function integer(text: string, from: number, to: number): number | undefined {
  if (!/^(?:0|-?[1-9][0-9]{0,14})$/.test(text)) return undefined;
  const value = Number(text);
  return value >= from && value <= to ? value : undefined;
}

function host(text: string): string | undefined {
  return /^[A-Za-z0-9._:][A-Za-z0-9._:-]{0,254}$/.test(text) ? text : undefined;
}

function path(text: string): string | undefined {
  return text.startsWith('/') && text.length <= 4096 ? text : undefined;
}

/** An absolute path, or the relative `pool/image` of a block store. */
function source(text: string): string | undefined {
  if (text.startsWith('/')) return path(text);
  return /^[A-Za-z0-9_]\S*$/.test(text) && text.length <= 4096 && !text.split('/').includes('..') ? text : undefined;
}

/** The last colon before the first slash ends the host: host names may hold colons (IPv6), paths may hold them too. */
function hostAndRest(text: string): MaybeHostPath | undefined {
  const slash = text.indexOf('/');
  const colon = text.lastIndexOf(':', slash < 0 ? undefined : slash);
  if (colon < 0) return { host: undefined, path: text };
  const name = host(text.slice(0, colon));
  return name === undefined ? undefined : { host: name, path: text.slice(colon + 1) };
}

function hostPath(text: string): HostPath | undefined {
  const parts = hostAndRest(text);
  return parts?.host !== undefined && path(parts.path) !== undefined ? { host: parts.host, path: parts.path } : undefined;
}

function maybeHostPath(text: string): MaybeHostPath | undefined {
  const parts = hostAndRest(text);
  return parts !== undefined && source(parts.path) !== undefined ? parts : undefined;
}

function disks(text: string): readonly number[] | undefined {
  const ids = text.split(':').map((word) => integer(word, 0, MAX_ID));
  return ids.every((id) => id !== undefined) && new Set(ids).size === ids.length ? ids : undefined;
}

/** One parser a kind. undefined: not such a word. A value that is itself undefined (`job`) comes in a box. */
const PARSERS: { readonly [K in ArgumentKind]: (text: string) => ArgumentValues[K] | { readonly box: ArgumentValues[K] } | undefined } = {
  id: (text) => integer(text, 0, MAX_ID),
  sizeMb: (text) => integer(text, 1, MAX_SIZE_MB),
  snapshotId: (text) => integer(text, 0, MAX_ID),
  snapshotOrCurrent: (text) => integer(text, -1, MAX_ID),
  idOrAll: (text) => integer(text, -1, MAX_ID),
  seconds: (text) => integer(text, 0, MAX_ID),
  host,
  hostPath,
  maybeHostPath,
  path,
  source,
  file: (text) => (text.startsWith('/') || /^https?:\/\/[^\s/]/.test(text) ? text : undefined),
  format: (text) => (['raw', 'qcow2', 'swap'] as const).find((format) => format === text.toLowerCase()),
  disks,
  deployId: (text) => (/^[A-Za-z0-9_.][A-Za-z0-9_.:-]{0,254}$/.test(text) ? text : undefined),
  job: (text) => {
    const id = text === '-' ? undefined : integer(text, 0, MAX_ID);
    return text === '-' || id !== undefined ? { box: id } : undefined;
  },
  name: (text) => (/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(text) ? text : undefined),
  flag: () => undefined,
};

function shown(text: string): string {
  const line = oneLine(text);
  return JSON.stringify(line.length > 120 ? `${line.slice(0, 120)}…` : line);
}

/** `sourceHost` → `source_host`: how the words stand in OpenNebula's own texts. */
function wordName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The arguments of an action in one line: `source target vm_id datastore_id`, `[x]` optional, `x…` any number. */
export function usageOf(list: readonly Argument[]): string {
  return list
    .map(({ name, many, optional }) => `${optional ? '[' : ''}${wordName(name)}${many ? '…' : ''}${optional ? ']' : ''}`)
    .join(' ');
}

function countText(list: readonly Argument[]): string {
  const least = list.filter((argument) => !argument.optional).length;
  if (list.some((argument) => argument.many)) return `at least ${least} words`;
  if (least < list.length) return `${least} or ${list.length} words`;
  return least === 1 ? 'one word' : `${least} words`;
}

function wordError(action: ActionName, argument: Argument, text: string): StorageError {
  const expected = argument.kind === 'flag' ? `the word ${argument.name}` : ARGUMENT_KINDS[argument.kind].replaceAll('`', '');
  return new StorageError('bad_argument', `${action}: ${wordName(argument.name)} is ${shown(text)}; expected ${expected}`);
}

function parseWord(action: ActionName, argument: Argument, text: string): unknown {
  if (argument.kind === 'flag') {
    if (text !== argument.name) throw wordError(action, argument, text);
    return undefined;
  }
  if (/[\p{Cc}\u2028\u2029\ufffd]/u.test(text)) {
    throw new StorageError(
      'bad_argument',
      `${action}: ${wordName(argument.name)} holds a control character or bytes that are not UTF-8: ${shown(text)}`,
    );
  }
  const value = PARSERS[argument.kind](text);
  if (value === undefined) throw wordError(action, argument, text);
  return typeof value === 'object' && 'box' in value ? value.box : value;
}

/**
 * The words of a call by name. Throws bad_argument in one line: `tm/clone: expected 4 words (source target vm_id datastore_id), got 3`.
 * Nothing is normalised and nothing is looked up: a path may still lie outside every datastore (`places.ts`).
 */
export function parseWords<A extends ActionName>(action: A, argv: readonly string[]): WordsOf<A> {
  const list = ACTION_ROWS.get(action)?.arguments ?? [];
  const least = list.filter((argument) => !argument.optional).length;
  const many = list.findIndex((argument) => argument.many);
  if (argv.length < least || (many < 0 && argv.length > list.length)) {
    throw new StorageError('bad_argument', `${action}: expected ${countText(list)} (${usageOf(list)}), got ${argv.length}`);
  }
  const words: Record<string, unknown> = {};
  let next = 0;
  for (const argument of list) {
    if (argument.many) {
      const count = argv.length - (least - 1);
      words[argument.name] = argv.slice(next, next + count).map((text) => parseWord(action, argument, text));
      next += count;
      continue;
    }
    const text = argv[next];
    next += 1;
    const value = text === undefined ? undefined : parseWord(action, argument, text);
    if (argument.kind !== 'flag') words[argument.name] = value;
  }
  return words as WordsOf<A>;
}
