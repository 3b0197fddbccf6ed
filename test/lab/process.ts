import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { tether } from '../helpers/tether.ts';

/** A daemon of the lab: a real child process, its output in a file, ready when it says so. */
export interface DaemonOptions {
  readonly name: string;
  readonly program: string;
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Everything it prints, added to at every start. */
  readonly logFile: string;
  /** It serves when it prints a line that matches, or when a question is answered with true. */
  readonly ready: RegExp | (() => Promise<boolean>);
}

const READY_MS = 180_000;
const STOP_MS = 15_000;

/** Every child that lives, for the end of this process. */
const living = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

export class Daemon {
  readonly options: DaemonOptions;
  #child: ChildProcess | undefined;
  #exited: Promise<number | string> = Promise.resolve(0);

  constructor(options: DaemonOptions) {
    this.options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves when it has ended: exit code, or the name of the signal. */
  get exited(): Promise<number | string> {
    return this.#exited;
  }

  /** Starts it and waits until it is ready. An early end throws with the last lines of its log. */
  async start(): Promise<void> {
    if (this.#child !== undefined) throw new Error(`${this.options.name} runs already`);
    const [program = '', ...argv] = [...tether, this.options.program, ...this.options.argv];
    const child = spawn(program, argv, { env: { ...this.options.environment }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    living.add(child);
    this.#exited = new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(code ?? signal ?? 0));
    });
    void this.#exited.then(() => {
      living.delete(child);
      if (this.#child === child) this.#child = undefined;
    });
    await this.#ready(child);
  }

  async #ready(child: ChildProcess): Promise<void> {
    const log = createWriteStream(this.options.logFile, { flags: 'a' });
    const ready = Promise.withResolvers<'ready'>();
    const answer = this.options.ready;
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        log.write(`${line}\n`);
        if (answer instanceof RegExp && answer.test(line)) ready.resolve('ready');
      });
    }
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`was not ready within ${READY_MS / 1000} s`), READY_MS);
    });
    const ended = this.#exited.then((how) => `ended (${how})`);
    let over = false;
    if (!(answer instanceof RegExp)) void untilTrue(answer, () => over).then(() => ready.resolve('ready'));
    const outcome = await Promise.race([ready.promise, ended, late]).finally(() => {
      clearTimeout(timer);
      over = true;
    });
    if (outcome === 'ready') return;
    await this.kill('SIGKILL');
    throw new Error(`${this.options.name} ${outcome} before it was ready:\n${tail(this.options.logFile)}`);
  }

  /** Sends a signal and waits for the end. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    this.#child?.kill(signal);
    await this.#exited;
  }

  /** Stops politely; by force when it does not end. */
  async stop(): Promise<void> {
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), STOP_MS);
    await this.kill('SIGTERM').finally(() => clearTimeout(timer));
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }
}

/** Asks until the answer is true, or nobody wants to know any more. */
async function untilTrue(ask: () => Promise<boolean>, over: () => boolean): Promise<void> {
  while (!over() && !(await ask().catch(() => false))) await delay(25);
}

/** The last lines of a log file; empty when there is none. */
export function tail(file: string, lines = 30): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '';
  }
}
