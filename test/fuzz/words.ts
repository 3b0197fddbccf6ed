import { StorageError } from '../../runtime/errors.ts';
import { ACTION_ROWS, type ActionName, findAction } from '../../shims/actions.ts';
import type { Argument, ArgumentKind } from '../../shims/arguments.ts';
import { splitDatastorePath } from '../../shims/places.ts';
import { parseWords } from '../../shims/words.ts';
import { type Family, mangle, type Random } from './fuzzer.ts';

interface Call {
  readonly action: ActionName;
  readonly argv: readonly string[];
  /** Untouched: every word is of its kind. */
  readonly good: boolean;
}

const HOSTS = ['n1', 'node-1.example.org', '10.0.0.1', 'fd00::2', 'A_b'];
const PATHS = ['/var/lib/one//datastores/0/7/disk.0', '/v/disk.1', '/', '/a b/ü', '/a:b/c'];
const SOURCES = ['one/one-12', 'pool/image', '/var/lib/one//datastores/1/0123456789abcdef0123456789abcdef'];

/** A right word of each kind. */
const GOOD: { readonly [K in ArgumentKind]: (random: Random) => string } = {
  id: (random) => String(random.pick([0, 1, 42, 2 ** 31 - 1, random.below(2 ** 31)])),
  sizeMb: (random) => String(1 + random.below(1 << 20)),
  snapshotId: (random) => String(random.below(1000)),
  snapshotOrCurrent: (random) => String(random.below(100) - 1),
  idOrAll: (random) => String(random.below(100) - 1),
  seconds: (random) => String(random.below(10_000)),
  host: (random) => random.pick(HOSTS),
  hostPath: (random) => `${random.pick(HOSTS)}:${random.pick(PATHS)}`,
  maybeHostPath: (random) => (random.chance(0.5) ? `${random.pick(HOSTS)}:${random.pick(SOURCES)}` : random.pick(SOURCES)),
  path: (random) => random.pick(PATHS),
  source: (random) => random.pick(SOURCES),
  file: (random) => random.pick(['/var/lib/one/vms/3/context.sh', '/a:name', 'https://h/x', 'http://h:80/x?y=z']),
  format: (random) => random.pick(['raw', 'qcow2', 'swap', 'QCOW2', 'Raw']),
  disks: (random) => [...new Set(random.list(1 + random.below(4), () => random.below(20)))].join(':'),
  deployId: (random) => random.pick(['one-3', '8a52f1f4-ffd7-4c8c-9a4f-1a2b3c4d5e6f', '12']),
  job: (random) => random.pick(['-', '0', '12']),
  name: (random) => random.pick(['agent_local', 'ssh', 'ceph-2']),
  flag: () => '-i',
};

const ACTION_NAMES = [...ACTION_ROWS.keys()];

function goodWords(list: readonly Argument[], random: Random): string[] {
  return list.flatMap((argument) => {
    if (argument.optional && random.chance(0.5)) return [];
    const count = argument.many ? 1 + random.below(3) : 1;
    return random.list(count, () => (argument.kind === 'flag' ? argument.name : GOOD[argument.kind](random)));
  });
}

function spoil(argv: string[], random: Random): string[] {
  const at = random.below(argv.length);
  const word = argv[at] ?? '';
  switch (random.below(6)) {
    case 0:
      return argv.toSpliced(at, 1);
    case 1:
      return argv.toSpliced(at, 0, word);
    case 2:
      return argv.toSpliced(at, 1, argv[random.below(argv.length)] ?? '');
    case 3:
      return argv.toSpliced(at, 1, word.repeat(1 + random.below(300)));
    default:
      return argv.toSpliced(at, 1, mangle(word, random));
  }
}

/** The words as they must have stood there, by the kinds alone. */
function spelled(action: ActionName, words: Readonly<Record<string, unknown>>): string[] {
  const one = (kind: ArgumentKind, value: unknown): string => {
    if (kind === 'job') return value === undefined ? '-' : String(value);
    if (kind === 'disks') return (value as readonly number[]).join(':');
    if (kind !== 'hostPath' && kind !== 'maybeHostPath') return String(value);
    const { host, path } = value as { host: string | undefined; path: string };
    return host === undefined ? path : `${host}:${path}`;
  };
  return (ACTION_ROWS.get(action)?.arguments ?? []).flatMap(({ name, kind, many, optional }) => {
    if (kind === 'flag') return [name];
    const value = words[name];
    if (many) return (value as readonly unknown[]).map((item) => one(kind, item));
    return optional && value === undefined ? [] : [one(kind, value)];
  });
}

/** `format` may be written in capitals; everything else stands as it came. */
const plain = (word: string): string => (/^(raw|qcow2|swap)$/i.test(word) ? word.toLowerCase() : word);

export const words: Family<Call> = {
  name: 'words',
  inputs: 40_000,
  refusal: 'bad_argument',
  takenAtLeast: 8_000,
  make(random) {
    const action = random.pick(ACTION_NAMES);
    let argv = goodWords(ACTION_ROWS.get(action)?.arguments ?? [], random);
    const edits = random.chance(0.2) ? 0 : 1 + random.below(3);
    for (let count = 0; count < edits && argv.length > 0; count += 1) argv = spoil(argv, random);
    return { action, argv, good: edits === 0 };
  },
  take: ({ action, argv }) => parseWords(action, argv),
  mustTake: ({ good }) => good,
  wrong({ action, argv }, taken) {
    const back = spelled(action, taken as Readonly<Record<string, unknown>>);
    if (back.map(plain).join('\0') !== argv.map(plain).join('\0')) return `was understood as ${JSON.stringify(back)}`;
    if (/[\p{Cc}\ufffd]/u.test(back.join(''))) return 'holds a control character';
    return undefined;
  },
};

const KINDS = ['ds', 'tm'] as const;

/** The name of a script: `clone.ssh`. */
export const scripts: Family<{ readonly kind: string; readonly word: string }> = {
  name: 'script names',
  inputs: 8_000,
  refusal: 'bad_argument',
  takenAtLeast: 500,
  make(random) {
    const name = random.pick(ACTION_NAMES).slice(3);
    const word = random.chance(0.3) ? `${name}.${random.pick(['ssh', 'agent_local', '../x', '', 'a.b', '__proto__'])}` : name;
    const strange = random.pick(['__proto__', 'constructor', 'toString', 'pre_backup', '.', '']);
    return { kind: random.pick(KINDS), word: random.chance(0.1) ? strange : random.chance(0.5) ? mangle(word, random) : word };
  },
  take({ kind, word }) {
    const found = findAction(kind, word);
    if (found === undefined) throw new StorageError('bad_argument', 'not an action');
    return found;
  },
  wrong({ kind, word }, taken) {
    const { action, suffix } = taken as { action: ActionName; suffix: string | undefined };
    const name = action.slice(3);
    const spelledBack = suffix === undefined ? name : `${name}.${suffix}`;
    const same = (text: string): string => text.replace(/^(pre|post)_backup/, '$1backup');
    if (action.slice(0, 2) !== kind || same(word) !== spelledBack) return `was understood as ${action} ${suffix}`;
    return suffix !== undefined && !/^[A-Za-z0-9_-]+$/.test(suffix) ? 'has a suffix that is no driver' : undefined;
  },
};

const LOCATION = '/var/lib/one//datastores';

/** Absolute paths of oned, to a datastore and what is below it. */
export const paths: Family<string> = {
  name: 'paths',
  inputs: 12_000,
  refusal: 'outside_datastore',
  takenAtLeast: 400,
  make(random) {
    const path = `${random.pick([LOCATION, '/var/lib/one/datastores', '/var/lib', ''])}/${random.pick(['0', '107', '1', '007', 'x'])}/${random.pick(['7/disk.0', 'abc', '', '.', '..'])}`;
    return random.chance(0.4) ? path : mangle(path, random, ['..', '/..', '../', '/', '//', './', '\0', '/../../etc', '%2e%2e']);
  },
  take: (path) => splitDatastorePath(LOCATION, path),
  wrong(path, taken) {
    const { datastoreId, path: rest } = taken as { datastoreId: number; path: string };
    if (path.split('/').includes('..')) return "was taken with '..' in it";
    const normal = path.split('/').filter((word) => word !== '' && word !== '.');
    return `/${normal.join('/')}` === `/var/lib/one/datastores/${datastoreId}/${rest}` && rest !== ''
      ? undefined
      : `was understood as ${datastoreId} ${rest}`;
  },
};
