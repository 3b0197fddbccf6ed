import { setTimeout as sleep } from 'node:timers/promises';
import type { Failure__Output } from '../../proto/gen/onestorage/v1/Failure.ts';
import type { OperationEvent__Output } from '../../proto/gen/onestorage/v1/OperationEvent.ts';
import { hadConnection } from '../../runtime/connection.ts';
import { asStorageError, isReason, type Reason, StorageError } from '../../runtime/errors.ts';
import type { Figures, LogLevel, Progress } from '../../runtime/operations/types.ts';
import { formatDuration } from '../../runtime/units.ts';

/** What an agent's operation found out; empty and 0 where it does not apply. */
export interface AgentResult {
  readonly format: string;
  readonly sizeBytes: number;
  readonly md5: string;
  /** Of a backup that was stored. */
  readonly backupId?: string;
  /** Of a backup that was flattened, as it is now. */
  readonly chain?: { readonly id: number; readonly backupId: string }[];
  /** "guest agent" or "console": of a guest that was booted. */
  readonly answeredBy?: string;
}

export interface Listener {
  log(level: LogLevel, text: string): void;
  report(progress: Progress): void;
  count(figures: Partial<Figures>): void;
}

export interface FollowOptions {
  readonly hostName: string;
  readonly signal: AbortSignal;
  /** How long an agent that went away in the middle is looked for. */
  readonly reattachMs: number;
  /** It was started before: then an agent that does not answer at first is looked for too. */
  readonly known: boolean;
  readonly listener: Listener;
  /** The agent has answered: the operation is there. */
  onAnswer?(): void;
}

/** Of the call itself: these say nothing about the operation. */
const BROKEN: ReadonlySet<Reason> = new Set(['unreachable', 'unavailable', 'interrupted']);

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5000;

/**
 * Follows an operation of an agent to its outcome. A stream that breaks says nothing about the operation: the agent goes on, or takes it up
 * when it starts again; so `open` is called again, with the same operation id, until the agent answers or `reattachMs` is over. An agent
 * that was never connected fails at once. Throws the agent's failure, or unreachable with the host's name.
 */
export async function follow(open: () => AsyncIterable<OperationEvent__Output>, options: FollowOptions): Promise<AgentResult> {
  const seen = new Set<string>();
  const state = { answered: options.known };
  let brokenAt: number | undefined;
  let pause = FIRST_PAUSE_MS;
  for (;;) {
    const broken = await readStream(open, options, seen, () => {
      state.answered = true;
      options.onAnswer?.();
      brokenAt = undefined;
      pause = FIRST_PAUSE_MS;
    });
    if (!(broken instanceof StorageError)) return broken;
    options.signal.throwIfAborted();
    // Cut off before its first event it may have begun all the same: it is looked for, not given up.
    if (!state.answered && hadConnection(broken)) {
      state.answered = true;
      options.onAnswer?.();
    }
    if (!state.answered && broken.reason === 'unreachable') throw broken;
    brokenAt ??= performance.now();
    const gone = performance.now() - brokenAt;
    if (gone >= options.reattachMs) {
      throw new StorageError(
        'unreachable',
        `${options.hostName} went away and did not come back in ${formatDuration(gone)}: ${broken.message}`,
      );
    }
    if (pause === FIRST_PAUSE_MS)
      options.listener.log('warn', `the agent of ${options.hostName} went away; waiting for it: ${broken.message}`);
    await sleep(Math.min(pause, options.reattachMs), undefined, { signal: options.signal });
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

/** Gives the result, or why the stream broke. Throws what no new attempt can mend. */
async function readStream(
  open: () => AsyncIterable<OperationEvent__Output>,
  { hostName, listener, signal }: FollowOptions,
  seen: Set<string>,
  onAnswer: () => void,
): Promise<AgentResult | StorageError> {
  try {
    for await (const event of open()) {
      onAnswer();
      pass(event, listener, seen);
      if (event.outcome?.failure) throw new Ended(failureOf(event.outcome.failure, hostName));
      if (event.outcome) return event.outcome.result ?? { format: '', sizeBytes: 0, md5: '' };
    }
    return new StorageError('unreachable', `${hostName} ended the stream without an outcome`);
  } catch (thrown) {
    if (thrown instanceof Ended) throw thrown.error;
    if (signal.aborted) throw asStorageError(signal.reason);
    const error = asStorageError(thrown);
    // An agent that is stopped politely ends the call: `interrupted`. Its operation goes on when it is back.
    if (BROKEN.has(error.reason)) return error;
    throw error;
  }
}

/** The operation itself failed: its reason may be `unreachable` too (of another host), and says nothing about this stream. */
class Ended extends Error {
  readonly error: StorageError;
  constructor(error: StorageError) {
    super(error.message);
    this.error = error;
  }
}

/** An agent tells a new listener everything from the beginning: each line is passed on once. */
function pass(event: OperationEvent__Output, listener: Listener, seen: Set<string>): void {
  if (event.log && !seen.has(event.log.text)) {
    const { level, text } = event.log;
    seen.add(text);
    listener.log(level === 'debug' || level === 'warn' || level === 'error' ? level : 'info', text);
  }
  if (event.progress) listener.report(event.progress);
  if (event.outcome?.figures) listener.count(event.outcome.figures);
}

function failureOf(failure: Failure__Output, hostName: string): StorageError {
  // A receiver passes on what its source said, with the source's name.
  const named = failure.message.includes(hostName) || /\(on [^()]+\)$/.test(failure.message);
  const message = named ? failure.message : `${failure.message} (on ${hostName})`;
  return new StorageError(isReason(failure.reason) ? failure.reason : 'internal', message);
}
