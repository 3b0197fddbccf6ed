import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { StorageError } from '../../runtime/errors.ts';
import { ACTION_ROWS, ACTIONS, type ActionName, findAction } from '../../shims/actions.ts';
import type { HostPath, MaybeHostPath } from '../../shims/arguments.ts';
import { DRIVER_NAMES, directoryOf, linkNames } from '../../shims/farm.ts';
import { parseWords, type WordsOf } from '../../shims/words.ts';

interface Call {
  readonly script: string;
  readonly argv: readonly string[];
  readonly stdin: string;
  readonly stdout: string;
  readonly exit: number;
}

const CALLS = JSON.parse(readFileSync(new URL('../fixtures/oned/calls.json', import.meta.url), 'utf8')) as readonly Call[];

function refusal(action: ActionName, argv: readonly string[]): StorageError {
  try {
    parseWords(action, argv);
  } catch (error) {
    if (error instanceof StorageError) return error;
    throw error;
  }
  throw new Error(`${action} took ${JSON.stringify(argv)}`);
}

describe('calls recorded from a real oned', () => {
  it('are many', () => {
    expect(CALLS.length).toBeGreaterThan(200);
  });

  it.each(CALLS.map((call) => [`${call.script} ${call.argv.join(' ')}`, call] as const))(
    '%s',
    (_, { script, argv, stdin, stdout, exit }) => {
      const [directory = '', driver = '', word = ''] = script.split('/');
      const kind = directory === 'datastore' ? 'ds' : 'tm';
      const found = findAction(kind, word);
      expect(found).toBeDefined();
      const action = found?.action ?? 'tm/clone';
      const words = parseWords(action, argv);
      expect(Object.keys(words).length).toBeGreaterThan(0);
      expect(ACTIONS[action].stdin).toBe(stdin);
      const link = DRIVER_NAMES.find((name) => directoryOf(name) === `${directory}/${driver}`);
      expect(link && linkNames(link)).toContain(word);
      if (exit !== 0 || stdout === '') return;
      const lines = stdout.trim().split('\n').length;
      if (ACTIONS[action].stdout === 'line') expect(lines).toBe(1);
      if (ACTIONS[action].stdout === 'none') expect(stdout).toBe('');
    },
  );
});

describe('parseWords', () => {
  it('names and types the words', () => {
    const clone = parseWords('tm/clone', [
      'frontend:/var/lib/one//datastores/1/abc',
      'node1:/var/lib/one//datastores/0/3/disk.2',
      '3',
      '1',
    ]);
    expect(clone).toEqual({
      source: { host: 'frontend', path: '/var/lib/one//datastores/1/abc' },
      target: { host: 'node1', path: '/var/lib/one//datastores/0/3/disk.2' },
      vmId: 3,
      datastoreId: 1,
    });
    expectTypeOf(clone.source).toEqualTypeOf<MaybeHostPath>();
    expectTypeOf(clone.target).toEqualTypeOf<HostPath>();
    expectTypeOf<WordsOf<'tm/context'>['files']>().toEqualTypeOf<readonly string[]>();
    expectTypeOf<WordsOf<'tm/premigrate'>['systemTm']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<WordsOf<'tm/prebackup'>['jobId']>().toEqualTypeOf<number | undefined>();
    expectTypeOf<keyof WordsOf<'ds/ls'>>().toEqualTypeOf<'incrementId'>();
  });

  it('takes a source without a host, of a block store, and hosts with colons', () => {
    expect(parseWords('tm/clone', ['/a:b/c', 'n:/v/disk.0', '3', '1']).source).toEqual({ host: undefined, path: '/a:b/c' });
    expect(parseWords('tm/ln', ['one/one-12', 'n:/v/disk.0', '3', '1']).source).toEqual({ host: undefined, path: 'one/one-12' });
    expect(parseWords('tm/ln', ['fe:one/one-12', 'n:/v/disk.0', '3', '1']).source).toEqual({ host: 'fe', path: 'one/one-12' });
    expect(parseWords('tm/delete', ['fd00::2:/v/disk.0', '3', '1']).target).toEqual({ host: 'fd00::2', path: '/v/disk.0' });
    expect(parseWords('tm/cpds', ['n:/v/disk.0', 'one/one-3', '-1', '3', '1'])).toMatchObject({ target: 'one/one-3', snapshotId: -1 });
  });

  it('takes context files from the middle', () => {
    const argv = ['/var/lib/one/vms/3/context.sh', '/f/a:name', 'https://host/x', 'n:/v/disk.1', '3', '0'];
    expect(parseWords('tm/context', argv)).toMatchObject({ files: argv.slice(0, 3), target: { host: 'n' }, vmId: 3, datastoreId: 0 });
    expect(refusal('tm/context', argv.slice(3)).message).toBe(
      'tm/context: expected at least 4 words (files… target vm_id datastore_id), got 3',
    );
  });

  it('takes the optional word, job and disk lists', () => {
    const move = ['a', 'b', '/v/3', '3', '0'];
    expect(parseWords('tm/premigrate', move).systemTm).toBeUndefined();
    expect(parseWords('tm/postmigrate', [...move, 'agent_local']).systemTm).toBe('agent_local');
    expect(parseWords('tm/prebackup', ['n:/v/3', '0:2', 'one-3', '-', '3', '0'])).toMatchObject({ disks: [0, 2], jobId: undefined });
    expect(parseWords('ds/backup', ['n:/v/3', '7', 'one-3', '12', '3', '0'])).toMatchObject({ disks: [7], jobId: 12 });
    expect(parseWords('ds/ls', ['-i', '-1'])).toEqual({ incrementId: -1 });
  });

  it.each([
    ['tm/clone', ['a', 'b', 'c'], 'tm/clone: expected 4 words (source target vm_id datastore_id), got 3'],
    ['ds/cp', [], 'ds/cp: expected one word (id), got 0'],
    [
      'tm/premigrate',
      ['a'],
      'tm/premigrate: expected 5 or 6 words (source_host target_host directory vm_id datastore_id [system_tm]), got 1',
    ],
    ['ds/cp', ['12x'], 'ds/cp: id is "12x"; expected whole number from 0 to 2147483647'],
    ['tm/delete', ['/v/disk.0', '3', '1'], 'tm/delete: target is "/v/disk.0"; expected host:/path'],
    ['ds/ls', ['-x', '1'], 'ds/ls: -i is "-x"; expected the word -i'],
    ['tm/mkimage', ['5', 'vmdk', 'n:/v/d', '1', '0'], 'tm/mkimage: format is "vmdk"; expected raw, qcow2 or swap'],
  ] as const)('%s %j: one clear line', (action, argv, message) => {
    const error = refusal(action, argv);
    expect(error.reason).toBe('bad_argument');
    expect(error.message).toBe(message);
  });

  it.each([
    ['tm/delete', ['-n:/v/disk.0', '3', '1']],
    ['tm/delete', ['n:v/disk.0', '3', '1']],
    ['tm/delete', ['n;rm:/v/disk.0', '3', '1']],
    ['tm/delete', ['n:/v/disk.0\n', '3', '1']],
    ['tm/delete', ['n:/v/disk.\ufffd', '3', '1']],
    ['tm/delete', ['n:/v/disk.0', '03', '1']],
    ['tm/delete', ['n:/v/disk.0', '2147483648', '1']],
    ['tm/delete', ['n:/v/disk.0', '-1', '1']],
    ['tm/snap_create', ['n:/v/disk.0', '-1', '3', '1']],
    ['tm/resize', ['n:/v/disk.0', '0', '3', '1']],
    ['tm/resize', ['n:/v/disk.0', '1.5', '3', '1']],
    ['tm/prebackup', ['n:/v/3', '0:2:', 'one-3', '-', '3', '0']],
    ['tm/prebackup', ['n:/v/3', '0:0', 'one-3', '-', '3', '0']],
    ['tm/clone', ['', 'n:/v/disk.0', '3', '1']],
    ['tm/cpds', ['n:/v/disk.0', '/i/x', '-2', '3', '1']],
  ] as const)('%s refuses %j', (action, argv) => {
    expect(refusal(action, argv).reason).toBe('bad_argument');
  });

  it('meets any words with words or with one harmless line', () => {
    const word = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 30 }),
      fc.constantFrom(
        '0',
        '-1',
        '3',
        '2147483647',
        '2147483648',
        '-',
        '-i',
        'raw',
        'qcow2',
        '0:2',
        'one-3',
        'n1',
        'agent_local',
        '/v/disk.0',
        'n1:/v/disk.0',
        'fe:one/one-1',
      ),
      fc.tuple(fc.string({ maxLength: 5 }), fc.string({ maxLength: 5 })).map(([a, b]) => `${a}:/${b}`),
    );
    let taken = 0;
    fc.assert(
      fc.property(fc.constantFrom(...ACTION_ROWS.keys()), fc.array(word, { maxLength: 8 }), (action, argv) => {
        try {
          const words = parseWords(action, argv);
          taken += 1;
          // Whatever was taken holds no control character, whichever word it came from.
          return !/\p{Cc}/u.test(
            Object.values(words)
              .flatMap((value) => (typeof value === 'object' ? Object.values(value) : [value]))
              .join(''),
          );
        } catch (error) {
          return error instanceof StorageError && error.reason === 'bad_argument' && /^(?:ds|tm)\/\P{Cc}*$/u.test(error.message);
        }
      }),
      { numRuns: 25_000 },
    );
    expect(taken).toBeGreaterThan(0);
  });
});
