import { appendFileSync, readFileSync } from 'node:fs';
import { access, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isReason, StorageError } from './errors.ts';

const VARIABLE = 'ONESTORAGE_FAILPOINTS';
const POLL_MS = 20;
const FOREVER_MS = 2 ** 31 - 1;

type Act = (name: string, signal: AbortSignal | undefined) => Promise<void>;

/** What a failpoint can do: `word` or `word:argument`. */
const ACTIONS: Readonly<Record<string, (argument: string) => Act | undefined>> = {
  /** The process dies as in a power cut: no handler, no flush. */
  kill: () => async () => {
    process.kill(process.pid, 'SIGKILL');
    await sleep(FOREVER_MS);
  },
  sleep: (argument) => {
    const time = Number(argument);
    return argument !== '' && time >= 0 && time < FOREVER_MS ? (_name, signal) => wait(time, signal) : undefined;
  },
  pause: () => async (_name, signal) => {
    for (;;) await wait(FOREVER_MS, signal);
  },
  reason: (argument) =>
    isReason(argument)
      ? async (name) => {
          throw new StorageError(argument, `failpoint ${name}`);
        }
      : undefined,
  errno: (argument) =>
    /^E[A-Z0-9]+$/u.test(argument)
      ? async (name) => {
          throw Object.assign(new Error(`${argument}: failpoint ${name}`), { code: argument });
        }
      : undefined,
  /** Waits while the file exists; `<file>.reached` tells a test that this is so. */
  hold: (argument) =>
    argument.startsWith('/')
      ? async (_name, signal) => {
          await writeFile(`${argument}.reached`, '');
          while (await exists(argument)) await wait(POLL_MS, signal);
        }
      : undefined,
};

interface Failpoint {
  readonly matches: (name: string) => boolean;
  readonly act: Act;
}

let text = process.env[VARIABLE];
/** Where the names that are passed are written, a line each: how a test finds out where a program can be stopped. */
const trace = process.env['ONESTORAGE_FAILPOINTS_TRACE'];
let armed: readonly Failpoint[] | undefined;

/**
 * A place where a test can stop, delay or fail the program: `ONESTORAGE_FAILPOINTS='copy.before-rename=kill;fetch.*=reason:no_space'`.
 * A `*` stands for anything. `@/file` reads them from a file each time, so that a test can arm a daemon that runs. Nothing when the variable
 * is unset. `bad_config` when it cannot be read: a test that does not do what it says must not pass.
 */
export async function failpoint(name: string, signal?: AbortSignal): Promise<void> {
  if (trace !== undefined) appendFileSync(trace, `${name}\n`);
  if (text === undefined || text === '') return;
  if (text.startsWith('@')) armed = parse(readFileSync(text.slice(1), 'utf8'));
  armed ??= parse(text);
  for (const point of armed) if (point.matches(name)) await point.act(name, signal);
}

/** For tests inside one process: arms in place of the variable, until the returned function is called. */
export function armFailpoints(points: string): () => void {
  const before = text;
  text = points;
  armed = undefined;
  return () => {
    text = before;
    armed = undefined;
  };
}

function parse(points: string): Failpoint[] {
  return points
    .split(';')
    .map((point) => point.trim())
    .filter((point) => point !== '')
    .map(parsePoint);
}

function parsePoint(point: string): Failpoint {
  const [, pattern, word, argument] = /^([^=]+)=([a-z]+)(?::(.*))?$/u.exec(point) ?? [];
  const action = word !== undefined && Object.hasOwn(ACTIONS, word) ? ACTIONS[word]?.(argument ?? '') : undefined;
  if (pattern === undefined || action === undefined) {
    throw new StorageError(
      'bad_config',
      `${VARIABLE}: '${point}' is not name=kill, name=pause, name=sleep:<ms>, name=hold:</file>, name=errno:<E…> or name=reason:<reason>`,
    );
  }
  const pieces = pattern.split('*').map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/gu, '\\$&'));
  const expression = new RegExp(`^${pieces.join('.*')}$`, 'u');
  const matches = (name: string): boolean => expression.test(name);
  return { matches, act: action };
}

async function wait(time: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(time, undefined, signal === undefined ? {} : { signal });
  } catch (thrown) {
    throw signal?.aborted === true ? signal.reason : thrown;
  }
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch {
    return false;
  }
}
