import { setTimeout as sleep } from 'node:timers/promises';
import { asStorageError, type Reason, StorageError } from '../errors.ts';
import { failpoint } from '../failpoint.ts';
import type { Logger } from '../log.ts';
import { traced, traceOf } from '../trace.ts';
import { EventLog } from './events.ts';
import type { Journal } from './journal.ts';
import type { Locks } from './locks.ts';
import type { Figures, LogLevel, OperationContext, OperationKind, OperationState, Progress, StepTimes } from './types.ts';

export const NO_FIGURES: Figures = { movedBytes: 0, skippedBytes: 0, verifiedBytes: 0, processes: 0 };

/** How often a journal that cannot be written is tried again. */
const JOURNAL_RETRY_MS = 1000;
/** Lines that the journal keeps of one run of an operation. */
const KEPT_LINES = 200;
/** How often progress is passed on. */
const PROGRESS_EVERY_MS = 250;

export interface ExecutionOptions {
  readonly id: string;
  readonly subject: string;
  readonly createdAt: number;
  readonly committed: boolean;
  /** Set when the daemon died while it took the operation back. */
  readonly undoing: StorageError | undefined;
  readonly attempt: number;
  readonly journal: Journal;
  readonly locks: Locks;
  readonly log: Logger;
  /** The journal keeps what it says, for people who come later. */
  readonly keepLines: boolean;
}

/** One operation from its start (or restart) to its outcome. */
export class Execution<Input, Result> {
  readonly id: string;
  readonly subject: string;
  readonly kind: OperationKind<Input, Result>;
  readonly createdAt: number;
  readonly events = new EventLog();
  readonly done: Promise<Result>;
  state: OperationState = 'waiting';
  committed: boolean;
  step: string | undefined;
  progress: Progress | undefined;
  figures: Figures = NO_FIGURES;
  finishedAt: number | undefined;
  failure: { readonly reason: string; readonly message: string } | undefined;
  readonly attempt: number;
  readonly input: Input;
  readonly #options: ExecutionOptions;
  /** In every line of the log: the operation, and the action of a shim that it belongs to. */
  readonly #names: { readonly trace: string; readonly operation: string };
  readonly #steps: StepTimes[] = [];
  #kept = 0;
  readonly #abort = new AbortController();
  readonly #stepNames = new Set<string>();
  #finishedSteps: ReadonlyMap<string, string | null> = new Map();
  #lastProgress = { at: 0, doneBytes: 0, rate: 0, step: '' };
  readonly #settle: { resolve(result: Result): void; reject(error: StorageError): void };

  constructor(kind: OperationKind<Input, Result>, input: Input, options: ExecutionOptions) {
    this.kind = kind;
    this.input = input;
    this.#options = options;
    this.#names = { trace: traceOf(options.id), operation: options.id };
    this.id = options.id;
    this.subject = options.subject;
    this.createdAt = options.createdAt;
    this.committed = options.committed;
    this.attempt = options.attempt;
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    this.done = promise;
    this.#settle = { resolve, reject };
    promise.catch(() => undefined);
  }

  /** False: too late, it is past the point of no return. */
  cancel(error: StorageError): boolean {
    if (this.committed) return false;
    if (this.#abort.signal.aborted || this.state === 'undoing') return true;
    // First the journal: a daemon that dies now takes the operation back when it starts, instead of going on with it. A journal that cannot be
    // written stops the operation all the same; it is written before anything is taken back.
    try {
      this.#options.journal.beginUndo(this.id, error.reason, error.message);
    } catch (thrown) {
      this.#options.log.warn({ ...this.#names, error: String(thrown) }, 'the cancel could not be journaled yet');
    }
    this.#abort.abort(error);
    return true;
  }

  /** Never rejects: the outcome is in `done` and in the events. */
  async run(beforeLocks: () => Promise<void>): Promise<void> {
    await traced({ trace: this.#names.trace, log: this.#options.log }, () => this.#run(beforeLocks));
  }

  /** What this run of the daemon has done of it, in order. */
  get steps(): readonly StepTimes[] {
    return this.#steps;
  }

  async #run(beforeLocks: () => Promise<void>): Promise<void> {
    let release: () => void = () => undefined;
    try {
      await orAborted(beforeLocks(), this.#abort.signal);
      const resources = this.kind.resources(this.input);
      const blockers = this.#options.locks.blockers(resources);
      if (blockers.length > 0) this.#log('info', `waits for operation ${blockers.join(', ')}`);
      release = await this.#options.locks.acquire(this.id, resources, this.#abort.signal);
      if (this.#options.undoing !== undefined) throw this.#options.undoing;
      this.state = 'running';
      await this.#persist((journal) => journal.newAttempt(this.id));
      this.#finishedSteps = this.#options.journal.finishedSteps(this.id);
      const result = await this.kind.run(this.input, this.#context());
      await this.#finish('succeeded', undefined, result);
    } catch (thrown) {
      await this.#fail(this.#abort.signal.aborted && !this.committed ? asStorageError(this.#abort.signal.reason) : asStorageError(thrown));
    } finally {
      release();
    }
  }

  async #fail(error: StorageError): Promise<void> {
    // The daemon stops: nothing may be taken back any more, because the next start goes on from what the journal says.
    if (!this.#options.journal.isOpen) return;
    if (error.detail !== undefined) this.#options.log.warn({ ...this.#names, reason: error.reason, detail: error.detail }, error.message);
    if (!this.committed && this.kind.undo !== undefined) {
      this.state = 'undoing';
      await this.#persist((journal) => journal.beginUndo(this.id, error.reason, error.message));
      try {
        await failpoint(`${this.kind.name}.undo`);
        await this.kind.undo(this.input, { operationId: this.id, subject: this.subject, log: (level, text) => this.#log(level, text) });
      } catch (thrown) {
        const left = asStorageError(thrown);
        this.#options.log.error({ ...this.#names, reason: left.reason, detail: left.detail }, `could not be taken back: ${left.message}`);
        this.#log('warn', `could not be taken back whole: ${left.message}`);
      }
    }
    await this.#finish(error.reason === 'cancelled' || error.reason === 'superseded' ? 'cancelled' : 'failed', error, undefined);
  }

  async #finish(state: OperationState, error: StorageError | undefined, result: Result | undefined): Promise<void> {
    const figures = this.figures;
    const finished = Date.now();
    // Nobody hears of an outcome, and no lock is given back, before it is written: an operation that was reported as failed and is run again
    // by the next start would work on what came after it.
    await this.#persist((journal) =>
      journal.finish(this.id, {
        state,
        finished,
        ...(error === undefined ? { result: JSON.stringify(result ?? null) } : { reason: error.reason, message: error.message }),
        figures,
        forgetInput: this.kind.forgetInput === true,
      }),
    );
    this.state = state;
    this.finishedAt = finished;
    this.failure = error === undefined ? undefined : { reason: error.reason, message: error.message };
    this.#options.log.info(
      { ...this.#names, kind: this.kind.name, subject: this.subject, state, reason: error?.reason, figures },
      error?.message ?? 'done',
    );
    if (error === undefined) {
      this.events.push({ type: 'success', result, figures });
      this.#settle.resolve(result as Result);
    } else {
      this.events.push({ type: 'failure', error, figures });
      this.#settle.reject(error);
    }
  }

  #context(): OperationContext {
    return {
      operationId: this.id,
      attempt: this.attempt,
      subject: this.subject,
      signal: this.#abort.signal,
      step: (name, work) => this.#runStep(name, work),
      commit: () => this.#commit(),
      report: (progress) => this.#report(progress),
      log: (level, text) => this.#log(level, text),
      count: (more) => {
        this.figures = {
          movedBytes: this.figures.movedBytes + (more.movedBytes ?? 0),
          skippedBytes: this.figures.skippedBytes + (more.skippedBytes ?? 0),
          verifiedBytes: this.figures.verifiedBytes + (more.verifiedBytes ?? 0),
          processes: this.figures.processes + (more.processes ?? 0),
        };
      },
    };
  }

  async #runStep<T>(name: string, work: () => Promise<T>): Promise<T> {
    // A name used twice would silently skip the second work after a restart.
    if (this.#stepNames.has(name)) throw new StorageError('internal', `${this.kind.name}: the step ${name} is there twice`);
    this.#stepNames.add(name);
    const finished = this.#finishedSteps.get(name);
    if (finished !== undefined) return (finished === null ? undefined : JSON.parse(finished)) as T;
    if (!this.committed) this.#abort.signal.throwIfAborted();
    this.step = name;
    await this.#persist((journal) => journal.beginStep(this.id, name));
    await failpoint(`${this.kind.name}.${name}.begin`, this.#abort.signal);
    const times: StepTimes = { name, startedAt: Date.now(), finishedAt: undefined };
    this.#steps.push(times);
    const result = await work();
    this.#steps[this.#steps.indexOf(times)] = { ...times, finishedAt: Date.now() };
    await this.#persist((journal) => journal.endStep(this.id, name, result === undefined ? null : JSON.stringify(result)));
    await failpoint(`${this.kind.name}.${name}.end`, this.#abort.signal);
    return result;
  }

  /**
   * Writes to the journal, however long it takes: a full disk below the state directory stops operations where they are, and they go on when there
   * is room. Never returns when the daemon stops meanwhile: the next start goes on from what the journal says.
   */
  async #persist(write: (journal: Journal) => void): Promise<void> {
    const { journal } = this.#options;
    for (let told = false; ; told = true) {
      if (!journal.isOpen) return await new Promise<never>(() => undefined);
      try {
        write(journal);
        return;
      } catch (thrown) {
        const text = thrown instanceof Error ? thrown.message : String(thrown);
        if (!told) this.#log('warn', `the journal cannot be written, the operation waits: ${text}; free space in the state directory`);
      }
      await sleep(JOURNAL_RETRY_MS);
    }
  }

  #commit(): void {
    if (this.committed) return;
    this.#abort.signal.throwIfAborted();
    this.#options.journal.commit(this.id);
    this.committed = true;
  }

  #report(progress: Progress): void {
    this.progress = progress;
    const now = performance.now();
    const last = this.#lastProgress;
    const same = last.step === progress.step && progress.doneBytes >= last.doneBytes;
    if (same && now - last.at < PROGRESS_EVERY_MS && progress.doneBytes !== progress.totalBytes) return;
    const seconds = (now - last.at) / 1000;
    const current = same && seconds > 0 ? (progress.doneBytes - last.doneBytes) / seconds : 0;
    const rate = last.rate === 0 || !same ? current : last.rate * 0.7 + current * 0.3;
    this.#lastProgress = { at: now, doneBytes: progress.doneBytes, rate, step: progress.step };
    this.events.push({ type: 'progress', progress, bytesPerSecond: Math.round(rate) });
  }

  #log(level: LogLevel, text: string): void {
    this.#options.log[level]({ ...this.#names, subject: this.subject }, text);
    this.events.push({ type: 'log', level, text });
    if (this.#options.keepLines && level !== 'debug') this.#keep(level, text);
  }

  /** A journal that cannot be written has stopped the operation elsewhere; a line is not worth it. */
  #keep(level: LogLevel, text: string): void {
    this.#kept += 1;
    if (this.#kept > KEPT_LINES) return;
    const line = this.#kept === KEPT_LINES ? 'there are more lines in the log of the daemon' : text;
    try {
      this.#options.journal.addLine(this.id, { at: Date.now(), level, text: line });
    } catch (thrown) {
      this.#options.log.debug({ ...this.#names, error: String(thrown) }, 'a line was not kept');
    }
  }
}

/** What the work gives, or the abort, whichever comes first. */
async function orAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<void>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** A journaled failure as the error it was. */
export function recordedError(reason: string | null, message: string | null, known: (word: string) => word is Reason): StorageError {
  return new StorageError(reason !== null && known(reason) ? reason : 'internal', message ?? 'failed');
}
