import type { z } from 'zod';
import type { StorageError } from '../errors.ts';

/** What an operation holds while it works: `path:/a/b` also covers everything below it; any other word is taken as it is. */
export type Resource = string;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface Progress {
  /** What is being done, for a person: `copy disk.0`. */
  readonly step: string;
  readonly doneBytes: number;
  /** 0: not known. */
  readonly totalBytes: number;
}

/** Totals of an operation, for the timeline and the metrics. */
export interface Figures {
  readonly movedBytes: number;
  readonly skippedBytes: number;
  readonly verifiedBytes: number;
  readonly processes: number;
}

/** What an operation's work may use. One signal goes through every call. */
export interface OperationContext {
  readonly operationId: string;
  /** 1 on the first run, one more after every restart of the daemon. */
  readonly attempt: number;
  readonly subject: string;
  readonly signal: AbortSignal;
  /**
   * Runs `work` once. Its start is on disk before it begins; when the daemon dies during it, the next attempt runs it again, so it must be
   * idempotent. A finished step is not run again: what it returned (JSON) comes from the journal. `name` is unique within the operation.
   */
  step<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** From here on the operation can only go forward: cancel is refused, and undo is not called. Call it before the first change that cannot be taken back. */
  commit(): void;
  report(progress: Progress): void;
  log(level: LogLevel, text: string): void;
  count(figures: Partial<Figures>): void;
}

export interface OperationKind<Input, Result> {
  /** `disk.create`: stands in the journal, so it must not change. */
  readonly name: string;
  /** Checks what the journal holds when it is read back. */
  readonly input: z.ZodType<Input>;
  /** Locked as a whole, in one fixed order, before the work starts. */
  resources(input: Input): readonly Resource[];
  run(input: Input, context: OperationContext): Promise<Result>;
  /** Takes back what run left before commit: called after failure, cancel, or a restart that cannot go on. Idempotent; it gets no abort. */
  undo?(input: Input, context: UndoContext): Promise<void>;
  /** The journal forgets the input when the operation ends: it may hold what should not lie about. */
  readonly forgetInput?: true;
}

export interface UndoContext {
  readonly operationId: string;
  readonly subject: string;
  log(level: LogLevel, text: string): void;
}

/** When a step was done. Milliseconds since the epoch; without an end it failed, or was cut. */
export interface StepTimes {
  readonly name: string;
  readonly startedAt: number;
  readonly finishedAt: number | undefined;
}

export type OperationState = 'waiting' | 'running' | 'undoing' | 'succeeded' | 'failed' | 'cancelled';

export interface OperationRecord {
  readonly id: string;
  readonly kind: string;
  readonly subject: string;
  readonly state: OperationState;
  readonly attempt: number;
  readonly committed: boolean;
  readonly step: string | undefined;
  readonly progress: Progress | undefined;
  readonly figures: Figures;
  readonly createdAt: number;
  readonly finishedAt: number | undefined;
  readonly failure: { readonly reason: string; readonly message: string } | undefined;
}

export type OperationEvent =
  | { readonly type: 'log'; readonly level: LogLevel; readonly text: string }
  | { readonly type: 'progress'; readonly progress: Progress; readonly bytesPerSecond: number }
  | { readonly type: 'success'; readonly result: unknown; readonly figures: Figures }
  | { readonly type: 'failure'; readonly error: StorageError; readonly figures: Figures };

/** A started, re-attached or ended operation. */
export interface OperationHandle<Result> {
  readonly id: string;
  /** From the first kept line on; ends after `success` or `failure`. Ending the iteration, or the signal, cancels nothing. */
  events(signal: AbortSignal): AsyncIterable<OperationEvent>;
  /** Rejects with the StorageError of the operation. Not looking at it is fine. */
  readonly done: Promise<Result>;
}

export interface Submission<Input> {
  readonly id: string;
  readonly subject: string;
  readonly input: Input;
  /** Cancels these first and waits until they have stopped (supersede rule of the design, section 2). */
  readonly supersedes?: readonly string[];
}
