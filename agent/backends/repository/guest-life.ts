import { createConnection } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { oneLine, StorageError } from '../../../runtime/errors.ts';
import { formatDuration } from '../../../runtime/units.ts';
import { lastLine, Tail } from '../../tools/output.ts';
import { AGENT_SOCKET, type Machine, startMachine } from '../../tools/qemu-system.ts';
import { type StartedProcess, toolContext } from '../../tools/run.ts';
import type { RepositoryContext } from './repository.ts';

/** What of a guest has answered. */
export type Sign = 'guest agent' | 'console';

const ASK_EVERY_MS = 1000;
const CONSOLE_TAIL = 16 * 1024;
/** What getty asks; it has written nothing after it. */
const LOGIN = /\blogin: *$/iu;

/**
 * Boots a machine and waits until its guest agent answers, or its serial console asks for a login. It is ended in any case. Errors: guest_silent
 * with the last line of the console, missing_program, cancelled.
 */
export async function waitForLife(machine: Machine, limitMs: number, context: RepositoryContext): Promise<Sign> {
  const over = AbortSignal.timeout(limitMs);
  const done = new AbortController();
  const signal = AbortSignal.any([context.signal, over, done.signal]);
  const child = await startMachine(machine, { ...toolContext(context), signal });
  const errors = new Tail(CONSOLE_TAIL);
  const screen = new Tail(CONSOLE_TAIL);
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  const agent = askAgent(path.join(machine.directory, AGENT_SOCKET), signal);
  const console = watchConsole(child, screen);
  try {
    const sign = await Promise.race([agent, console, child.exited.then(() => undefined)]);
    if (sign !== undefined) return sign;
    context.signal.throwIfAborted();
    const said = oneLine(plain(screen.text()).trimEnd().split('\n').at(-1) ?? '').slice(0, 200);
    const last = said === '' ? 'its console says nothing' : `its console says last: ${said}`;
    const detail = `${errors.text()}\n${plain(screen.text())}`;
    if (over.aborted) {
      throw new StorageError('guest_silent', `neither guest agent nor login within ${formatDuration(limitMs)}; ${last}`, { detail });
    }
    const problem = lastLine(errors.text());
    throw new StorageError('guest_silent', `the guest ended by itself; ${problem === '' ? last : `qemu: ${problem}`}`, { detail });
  } finally {
    done.abort();
    await child.kill();
    await Promise.allSettled([agent, console]);
  }
}

/** Resolves with nothing when the machine has ended. */
async function watchConsole(child: StartedProcess, screen: Tail): Promise<Sign | undefined> {
  for await (const chunk of child.stdout) {
    screen.push(chunk as Buffer);
    if (LOGIN.test(plain(screen.text()))) return 'console';
  }
  await child.exited;
  return undefined;
}

/** Without the sequences that move the cursor of a terminal. */
function plain(text: string): string {
  return stripVTControlCharacters(text).replaceAll('\r', '');
}

/** Asks until there is an answer; nothing when the signal aborts. What is asked before the agent listens is lost, or waits for it. */
async function askAgent(socket: string, signal: AbortSignal): Promise<Sign | undefined> {
  while (!signal.aborted) {
    if (await answered(socket, signal)) return 'guest agent';
    await sleep(ASK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
  return undefined;
}

/** One connection, until it breaks or brings an answer. */
function answered(socket: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(socket);
    const ask = (): boolean => connection.write('\n{"execute":"guest-ping"}\n');
    const timer = setInterval(ask, ASK_EVERY_MS);
    const end = (): unknown => connection.destroy();
    let heard = '';
    signal.addEventListener('abort', end, { once: true });
    connection.once('connect', ask);
    connection.on('error', () => undefined);
    connection.on('data', (chunk: Buffer) => {
      heard = `${heard}${chunk.toString('latin1')}`.slice(-1000);
      if (/\{"return": ?\{\}\}/u.test(heard)) end();
    });
    connection.once('close', () => {
      clearInterval(timer);
      signal.removeEventListener('abort', end);
      resolve(/\{"return": ?\{\}\}/u.test(heard));
    });
  });
}
