import { asStorageError, isReason, StorageError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { EventLog } from './events.ts';
import { Execution, NO_FIGURES, recordedError } from './execution.ts';
import { Journal, type JournalLine, type JournalRow } from './journal.ts';
import { Locks } from './locks.ts';
import type { Figures, OperationEvent, OperationHandle, OperationKind, OperationRecord, StepTimes, Submission } from './types.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** How long ended operations stay in the journal. */
const KEEP_MS = 30 * DAY_MS;

// Kinds differ in their types; the registry holds them as what they have in common, and `submit` is typed again by the kind it is given.
type AnyKind = OperationKind<unknown, unknown>;
type AnyExecution = Execution<unknown, unknown>;

/** An operation as metrics and audit see it. */
export interface Measured extends Pick<OperationRecord, 'id' | 'kind' | 'subject' | 'state' | 'createdAt' | 'finishedAt' | 'figures'> {
  readonly input: unknown;
  readonly steps: readonly StepTimes[];
  /** Why it failed or was cancelled. */
  readonly reason: string | undefined;
}

/** The operations of one daemon: started, attached to, cancelled, and finished or taken back after a crash. */
export class Operations {
  readonly #journal: Journal;
  readonly #locks = new Locks();
  readonly #log: Logger;
  readonly #kinds = new Map<string, AnyKind>();
  readonly #active = new Map<string, AnyExecution>();
  readonly #observers: ((ended: Measured) => void)[] = [];
  readonly #pruning: NodeJS.Timeout;
  /** Does the journal keep what operations say? */
  readonly #keepLines: boolean;
  #stopping = false;

  /** Opens, and locks, the journal in `file`. Throws `conflict` when another daemon holds it. */
  constructor(options: { readonly file: string; readonly log: Logger; readonly keepLines?: boolean }) {
    this.#journal = new Journal(options.file);
    this.#log = options.log;
    this.#keepLines = options.keepLines === true;
    this.#pruning = setInterval(() => this.#prune(), DAY_MS).unref();
  }

  register<Input, Result>(kind: OperationKind<Input, Result>): void {
    this.#kinds.set(kind.name, kind as unknown as AnyKind);
  }

  /** Names of all kinds that are known, sorted. */
  kinds(): readonly string[] {
    return [...this.#kinds.keys()].sort();
  }

  /** `observer` is told of every operation that ends from now on. */
  observe(observer: (ended: Measured) => void): void {
    this.#observers.push(observer);
  }

  /** Those under way, oldest first. */
  active(): readonly Measured[] {
    return [...this.#active.values()].map(measuredOf);
  }

  /** Takes up what the daemon left unfinished when it ended: goes on, or takes back. Call it once, after all kinds are registered. */
  recover(): void {
    this.#prune();
    // In the order they came, all of them before anything new: so each gets its locks back before a newcomer can ask.
    for (const row of this.#journal.unfinished()) this.#restart(row);
  }

  /** Starts the operation; with an id that is known, attaches to it or gives its recorded outcome. */
  submit<Input, Result>(kind: OperationKind<Input, Result>, submission: Submission<Input>): OperationHandle<Result> {
    const known = this.#attach<Result>(kind.name, submission.id);
    if (known !== undefined) return known;
    if (this.#stopping) throw new StorageError('unavailable', 'the daemon is stopping');
    this.register(kind);
    const { id, subject, input } = submission;
    const created = Date.now();
    this.#journal.create({ id, kind: kind.name, subject, input: JSON.stringify(input), created });
    const execution = new Execution(kind, input, {
      id,
      subject,
      createdAt: created,
      committed: false,
      undoing: undefined,
      attempt: 1,
      journal: this.#journal,
      locks: this.#locks,
      log: this.#log,
      keepLines: this.#keepLines,
    });
    this.#launch(execution as unknown as AnyExecution, () => this.#supersede(id, subject, submission.supersedes ?? []));
    return handleOf(execution);
  }

  /** The events of an operation, running or ended; undefined: not known. */
  watch(id: string): OperationHandle<unknown> | undefined {
    const row = this.#journal.find(id);
    return row === undefined ? undefined : this.#attach(row.kind, id);
  }

  get(id: string): OperationRecord | undefined {
    const execution = this.#active.get(id);
    if (execution !== undefined) return recordOfExecution(execution);
    const row = this.#journal.find(id);
    return row === undefined ? undefined : recordOfRow(row);
  }

  /** What an operation said so far, oldest first; nothing, unless lines are kept. */
  lines(id: string): readonly JournalLine[] {
    return this.#journal.lines(id);
  }

  /** Those under way, oldest first; with `all` also the last `limit` ended ones, newest first. */
  list(options: { readonly all: boolean; readonly limit: number }): readonly OperationRecord[] {
    const active = [...this.#active.values()].map(recordOfExecution);
    return options.all ? [...active, ...this.#journal.finished(options.limit).map(recordOfRow)].slice(0, options.limit) : active;
  }

  /** False: not known, ended, or past the point of no return. */
  cancel(id: string, error: StorageError): boolean {
    if (!this.#journal.isOpen) throw new StorageError('unavailable', 'the daemon is stopping');
    return this.#active.get(id)?.cancel(error) ?? false;
  }

  /** Closes the journal; what runs is taken up again by the next start. Call it last: the process must end after it. */
  stop(): void {
    this.#stopping = true;
    clearInterval(this.#pruning);
    this.#journal.close();
  }

  /** Takes nothing new, and waits until what runs has ended or the time is over. */
  async drain(timeMs: number): Promise<void> {
    this.#stopping = true;
    const all = Promise.allSettled([...this.#active.values()].map((execution) => execution.done));
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeMs);
    });
    await Promise.race([all, over]);
    clearTimeout(timer);
  }

  #attach<Result>(kind: string, id: string): OperationHandle<Result> | undefined {
    const execution = this.#active.get(id);
    if (execution !== undefined) {
      this.#mustBe(kind, execution.kind.name, id);
      return handleOf(execution as unknown as Execution<unknown, Result>);
    }
    const row = this.#journal.find(id);
    if (row === undefined) return undefined;
    this.#mustBe(kind, row.kind, id);
    return handleOfRow<Result>(row);
  }

  #mustBe(wanted: string, found: string, id: string): void {
    if (wanted !== found) throw new StorageError('already_exists', `operation ${id} is a ${found}, not a ${wanted}`);
  }

  async #supersede(by: string, subject: string, older: readonly string[]): Promise<void> {
    for (const id of older) this.cancel(id, new StorageError('superseded', `given up for a later action: ${subject} (operation ${by})`));
    await Promise.allSettled(older.map((id) => this.#active.get(id)?.done));
  }

  #launch(execution: AnyExecution, beforeLocks: () => Promise<void>): void {
    this.#active.set(execution.id, execution);
    void execution.run(beforeLocks).finally(() => {
      this.#active.delete(execution.id);
      // Without an end it was cut by the stop of the daemon: the next start goes on with it.
      if (execution.finishedAt === undefined) return;
      this.#tell(measuredOf(execution));
    });
  }

  #tell(ended: Measured): void {
    for (const observer of this.#observers) {
      try {
        observer(ended);
      } catch (thrown) {
        this.#log.error({ operation: ended.id, err: asStorageError(thrown) }, 'an ended operation was not counted');
      }
    }
  }

  #restart(row: JournalRow): void {
    const kind = this.#kinds.get(row.kind);
    const input = kind?.input.safeParse(JSON.parse(row.input));
    if (kind === undefined || input?.success !== true) {
      this.#log.error(
        { operation: row.id, kind: row.kind },
        'the journal holds an operation that this version cannot read; it is given up',
      );
      // Committed, it may hold the only copy of something: it stays for a version that can read it.
      if (row.committed === 1) return;
      this.#journal.finish(row.id, {
        state: 'failed',
        finished: Date.now(),
        reason: 'interrupted',
        message: `${row.subject}: interrupted by an upgrade; run it again`,
        figures: NO_FIGURES,
        forgetInput: false,
      });
      return;
    }
    this.#log.info(
      { operation: row.id, kind: row.kind, subject: row.subject, attempt: row.attempt + 1 },
      `${row.state === 'undoing' ? 'taking back' : 'going on with'} what was interrupted`,
    );
    const execution = new Execution(kind, input.data, {
      id: row.id,
      subject: row.subject,
      createdAt: row.created,
      committed: row.committed === 1,
      undoing: row.state === 'undoing' ? recordedError(row.reason, row.message, isReason) : undefined,
      attempt: row.attempt + 1,
      journal: this.#journal,
      locks: this.#locks,
      log: this.#log,
      keepLines: this.#keepLines,
    });
    this.#launch(execution, () => Promise.resolve());
  }

  #prune(): void {
    try {
      this.#journal.prune(Date.now() - KEEP_MS);
    } catch (thrown) {
      this.#log.warn({ detail: asStorageError(thrown).detail }, 'old operations could not be removed from the journal');
    }
  }
}

function handleOf<Input, Result>(execution: Execution<Input, Result>): OperationHandle<Result> {
  return { id: execution.id, events: (signal) => execution.events.read(signal), done: execution.done };
}

function handleOfRow<Result>(row: JournalRow): OperationHandle<Result> {
  const figures = figuresOf(row);
  const error = row.reason === null ? undefined : recordedError(row.reason, row.message, isReason);
  const result: unknown = row.result === null ? undefined : (JSON.parse(row.result) ?? undefined);
  const ending: OperationEvent = error === undefined ? { type: 'success', result, figures } : { type: 'failure', error, figures };
  const log = new EventLog();
  log.push(ending);
  const done = error === undefined ? Promise.resolve(result as Result) : Promise.reject<Result>(error);
  done.catch(() => undefined);
  return { id: row.id, events: (signal) => log.read(signal), done };
}

function figuresOf(row: JournalRow): Figures {
  return { ...NO_FIGURES, ...(JSON.parse(row.figures) as Partial<Figures>) };
}

function measuredOf({ id, kind, subject, state, createdAt, finishedAt, figures, input, steps, failure }: AnyExecution): Measured {
  return { id, kind: kind.name, subject, state, createdAt, finishedAt, figures, input, steps, reason: failure?.reason };
}

function recordOfExecution(execution: AnyExecution): OperationRecord {
  const { id, subject, state, attempt, committed, step, progress, figures, createdAt, finishedAt, failure } = execution;
  return { id, kind: execution.kind.name, subject, state, attempt, committed, step, progress, figures, createdAt, finishedAt, failure };
}

function recordOfRow(row: JournalRow): OperationRecord {
  return {
    id: row.id,
    kind: row.kind,
    subject: row.subject,
    state: row.state,
    attempt: row.attempt,
    committed: row.committed === 1,
    step: undefined,
    progress: undefined,
    figures: figuresOf(row),
    createdAt: row.created,
    finishedAt: row.finished ?? undefined,
    failure: row.reason === null ? undefined : { reason: row.reason, message: row.message ?? '' },
  };
}
