import { AsyncLocalStorage } from 'node:async_hooks';
import type { Logger } from './log.ts';

/**
 * What all operations of one call of a shim have in common: its Idempotency-Key, a UUID. The controller's operation has it as its id, those of
 * agents are `<key>.<step>`. Every log line that is written for a call carries it as `trace`, on every host, from the shim to the programs.
 */
export function traceOf(operationId: string): string {
  return operationId.split('.', 1)[0] ?? operationId;
}

/** Metadata of a call between daemons. */
export const TRACE_HEADER = 'onestorage-trace';
const TRACE = /^[A-Za-z0-9][A-Za-z0-9_-]{7,63}$/;

export interface Traced {
  readonly trace: string;
  /** For those who have no log of their own. */
  readonly log: Logger;
}

const current = new AsyncLocalStorage<Traced>();

/** Runs `work`, and all that it begins, for a call. What is no trace is none: then `work` runs without. */
export function traced<T>(context: Traced, work: () => T): T {
  return TRACE.test(context.trace) ? current.run(context, work) : work();
}

/** The call that this is done for; undefined: the daemon does it by itself. */
export function currentTrace(): Traced | undefined {
  return current.getStore();
}
