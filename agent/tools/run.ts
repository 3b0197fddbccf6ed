import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import os from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { asStorageError, type Reason, StorageError } from '../../runtime/errors.ts';
import type { Figures } from '../../runtime/operations/types.ts';
import { currentTrace } from '../../runtime/trace.ts';
import { Lines, lastLine, Tail } from './output.ts';
import { findProgram, type ProgramName, requireProgram, searchPath } from './programs.ts';

/** What every tool needs of an operation; an OperationContext is one. */
export interface ToolContext {
  readonly signal: AbortSignal;
  readonly count?: (figures: Partial<Figures>) => void;
  /** Stand before the program, the outermost first: what keeps it within limits (confine.ts). */
  readonly before?: readonly Wrapper[];
}

/** What a program is started with. By name, because a context may be an object of a class, of which a spread copies nothing. */
export function toolContext({ signal, count, before }: ToolContext): ToolContext {
  return { signal, ...(count === undefined ? {} : { count: (figures) => count(figures) }), ...(before === undefined ? {} : { before }) };
}

/** A program that replaces itself by the one whose command line follows its arguments. */
export type Wrapper = readonly [ProgramName, ...string[]];

export interface StartOptions extends ToolContext {
  readonly cwd?: string;
  /** Added to the allow-listed environment. Never a secret: an environment can be read in /proc. */
  readonly env?: Readonly<Record<string, string>>;
  /** Lowest CPU priority. */
  readonly nice?: boolean;
  /** For programs that read what a user brought. */
  readonly limits?: { readonly addressSpace: number; readonly cpuSeconds: number };
  /** Open files the child gets as 3, 4, …: the way for secrets. */
  readonly files?: readonly number[];
  /** `pipe`: the caller writes to it and ends it. Otherwise it is at its end from the start. */
  readonly stdin?: 'pipe';
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A child in its own process group. Both output streams must be read, or the child stops when the pipe is full. */
export interface StartedProcess {
  readonly program: ProgramName;
  readonly pid: number;
  readonly stdin: Writable | undefined;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Never rejects. When it resolves no process of the group is left. */
  readonly exited: Promise<Exit>;
  /** TERM to the group, KILL after 5 s; resolves when it has gone. */
  kill(): Promise<Exit>;
}

const KILL_AFTER_MS = 5000;
/** A process that left the group may hold a pipe open: after this its output is not waited for. */
const DRAIN_MS = 2000;
const STDERR_TAIL = 64 * 1024;
const STDOUT_LIMIT = 16 * 1024 * 1024;

/** The error an aborted signal stands for: what aborted it when it said so (`superseded`), else `cancelled`. */
export function abortError(signal: AbortSignal): StorageError {
  return signal.reason instanceof StorageError ? signal.reason : new StorageError('cancelled', 'cancelled');
}

function environment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const { HOME, TMPDIR, XDG_RUNTIME_DIR } = process.env;
  const trace = currentTrace()?.trace;
  return {
    PATH: searchPath().join(':'),
    LANG: 'C',
    LC_ALL: 'C',
    ...(HOME === undefined ? {} : { HOME }),
    ...(TMPDIR === undefined ? {} : { TMPDIR }),
    // `ps e` tells for which action of OpenNebula a program runs.
    ...(trace === undefined ? {} : { ONESTORAGE_TRACE: trace }),
    // Where systemd-run finds the manager of this user.
    ...(XDG_RUNTIME_DIR === undefined ? {} : { XDG_RUNTIME_DIR }),
    ...extra,
  };
}

/** argv with its wrappers; each replaces itself by the next, so the child's pid stays the program's. */
async function commandLine(program: ProgramName, args: readonly string[], options: StartOptions): Promise<[string, ...string[]]> {
  const argv: [string, ...string[]] = [await requireProgram(program), ...args];
  if (options.limits !== undefined) {
    const { addressSpace, cpuSeconds } = options.limits;
    argv.unshift(await requireProgram('prlimit'), `--as=${addressSpace}`, `--cpu=${cpuSeconds}`);
  }
  for (const [wrapper, ...words] of [...(options.before ?? [])].reverse()) argv.unshift(await requireProgram(wrapper), ...words);
  // Dies with the agent, so that after kill -9 no orphan goes on writing to a file that recovery works on.
  const guard = await deathGuard();
  if (guard !== undefined) argv.unshift(guard, ...DIE_WITH_PARENT);
  return argv;
}

const DIE_WITH_PARENT = ['--pdeathsig', 'KILL'] as const;
let knownGuard: Promise<string | undefined> | undefined;

/** setpriv, when there is one that knows the option: util-linux before 2.33 does not. Tried once. */
function deathGuard(): Promise<string | undefined> {
  knownGuard ??= (async () => {
    const file = await findProgram('setpriv');
    if (file === undefined) return undefined;
    const trial = spawn(file, [...DIE_WITH_PARENT, file, '--version'], { env: environment(), stdio: 'ignore' });
    const [code] = await once(trial, 'exit').catch(() => [1]);
    return code === 0 ? file : undefined;
  })();
  return knownGuard;
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nothing of the group is left.
  }
}

/** Starts a child that lives on. Errors: missing_program, cancelled, or what the kernel says. */
export async function start(program: ProgramName, args: readonly string[], options: StartOptions): Promise<StartedProcess> {
  const [file, ...rest] = await commandLine(program, args, options);
  const { signal } = options;
  if (signal.aborted) throw abortError(signal);
  const child = spawn(file, rest, {
    cwd: options.cwd,
    detached: true,
    env: environment(options.env),
    shell: false,
    stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe', ...(options.files ?? [])],
  });
  const exit = once(child, 'exit');
  // Without this a failed start would be an unhandled rejection as well: `exit` never comes then.
  exit.catch(() => undefined);
  try {
    await once(child, 'spawn');
  } catch (thrown) {
    throw asStorageError(thrown, program);
  }
  options.count?.({ processes: 1 });
  if (options.nice === true) lower(child);
  return watch(program, child, signal, exit);
}

function watch(program: ProgramName, child: ChildProcess, signal: AbortSignal, exit: Promise<unknown[]>): StartedProcess {
  const { pid, stdout, stderr } = child;
  if (pid === undefined || stdout === null || stderr === null) throw new StorageError('internal', `${program}: started without pipes`);
  let killer: NodeJS.Timeout | undefined;
  const terminate = (): void => {
    if (killer !== undefined || child.exitCode !== null || child.signalCode !== null) return;
    signalGroup(pid, 'SIGTERM');
    killer = setTimeout(() => signalGroup(pid, 'SIGKILL'), KILL_AFTER_MS);
  };
  const started = performance.now();
  // Its words stay out: what is wrong with them stands in the error, and a path is more than a log needs.
  const log = currentTrace()?.log;
  log?.debug({ program, child: pid }, 'program started');
  const exited = exit.then(([code, by]): Exit => {
    clearTimeout(killer);
    signal.removeEventListener('abort', terminate);
    signalGroup(pid, 'SIGKILL');
    log?.debug(
      { program, child: pid, code, signal: by ?? undefined, milliseconds: Math.round(performance.now() - started) },
      'program ended',
    );
    return { code: typeof code === 'number' ? code : null, signal: (by ?? null) as NodeJS.Signals | null };
  });
  signal.addEventListener('abort', terminate, { once: true });
  if (signal.aborted) terminate();
  const kill = (): Promise<Exit> => {
    terminate();
    return exited;
  };
  return { program, pid, stdin: child.stdin ?? undefined, stdout, stderr, exited, kill };
}

function lower(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) os.setPriority(child.pid, os.constants.priority.PRIORITY_LOW);
  } catch {
    // It has ended already.
  }
}

export interface RunOptions extends Omit<StartOptions, 'stdin'> {
  readonly input?: string | Buffer;
  readonly timeoutMs?: number;
  /** Called for each line as it comes, without its end. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Exit codes that are no failure; [0]. */
  readonly okCodes?: readonly number[];
  /** Bytes of stdout above which the child is ended and the call fails with too_big; 16 MiB. */
  readonly stdoutLimit?: number;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/**
 * Runs a program to its end. It and all its children have gone when this returns or throws. Errors: missing_program, tool_failed, no_space,
 * in_use (the image is locked by another process), timeout, too_big, cancelled or what aborted the signal.
 */
export async function run(program: ProgramName, args: readonly string[], options: RunOptions): Promise<RunResult> {
  const { input, timeoutMs, okCodes = [0], stdoutLimit = STDOUT_LIMIT } = options;
  // By name, because an operation's context may be an object of a class, of which a spread copies nothing.
  const { signal, before = [] } = options;
  const rest = { ...options, signal, before, count: (figures: Partial<Figures>) => options.count?.(figures) };
  const child = await start(program, args, input === undefined ? rest : { ...rest, stdin: 'pipe' });
  let failure: StorageError | undefined;
  const fail = (error: StorageError): void => {
    failure ??= error;
    void child.kill();
  };
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => fail(new StorageError('timeout', `${program}: no end after ${timeoutMs / 1000} s`)), timeoutMs);
  const out: Buffer[] = [];
  let size = 0;
  const tail = new Tail(STDERR_TAIL);
  const closed = [
    drain(child.stdout, lines(options.onLine, 'stdout'), (chunk) => {
      size += chunk.length;
      if (size <= stdoutLimit) out.push(chunk);
      else fail(new StorageError('too_big', `${program}: wrote more than ${stdoutLimit} bytes to its standard output`));
    }),
    drain(child.stderr, lines(options.onLine, 'stderr'), (chunk) => tail.push(chunk)),
  ];
  if (input !== undefined) {
    // A program that ends without reading closes the pipe; its exit code tells whether that was right.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  }
  const exit = await child.exited;
  clearTimeout(timer);
  const late = setTimeout(() => {
    child.stdout.destroy();
    child.stderr.destroy();
  }, DRAIN_MS);
  await Promise.all(closed);
  clearTimeout(late);
  const stderr = tail.text();
  if (failure !== undefined) throw failure;
  if (exit.code !== null && okCodes.includes(exit.code)) return { stdout: Buffer.concat(out).toString('utf8'), stderr, code: exit.code };
  if (options.signal.aborted) throw abortError(options.signal);
  throw toolFailure(program, args, exit, stderr);
}

function lines(onLine: RunOptions['onLine'], stream: 'stdout' | 'stderr'): Lines | undefined {
  return onLine === undefined ? undefined : new Lines((line) => onLine(line, stream));
}

function drain(stream: Readable, splitter: Lines | undefined, onChunk: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve) => {
    stream.on('data', (chunk: Buffer) => {
      onChunk(chunk);
      splitter?.push(chunk);
    });
    stream.on('error', () => undefined);
    stream.on('close', () => {
      splitter?.end();
      resolve();
    });
  });
}

/** What a program's words mean, when it is more than "it failed". */
const MEANINGS: readonly (readonly [RegExp, Reason])[] = [
  [/no space left|disk quota exceeded|file too large/iu, 'no_space'],
  [/failed to get (?:shared )?".*" lock|failed to lock byte|is locked|resource temporarily unavailable/iu, 'in_use'],
];

function toolFailure(program: ProgramName, args: readonly string[], exit: Exit, stderr: string): StorageError {
  const meaning = MEANINGS.find(([pattern]) => pattern.test(stderr));
  const end = exit.signal === null ? `exit code ${exit.code}` : `ended by ${exit.signal}`;
  const said = meaning === undefined ? lastLine(stderr) : lastMatching(stderr, meaning[0]);
  const line = said.replace(new RegExp(`^${program}: `, 'u'), '').slice(0, 400);
  return new StorageError(meaning?.[1] ?? 'tool_failed', line === '' ? `${program}: ${end}` : `${program}: ${line}`, {
    detail: `${program} ${args.join(' ')}: ${end}\n${stderr}`,
  });
}

function lastMatching(text: string, pattern: RegExp): string {
  return lastLine(
    text
      .split(/[\r\n]+/u)
      .filter((line) => pattern.test(line))
      .join('\n'),
  );
}
