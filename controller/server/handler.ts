import type { Reason } from '../../runtime/errors.ts';
import type { LogLevel, OperationRecord } from '../../runtime/operations/types.ts';
import type { ActionName } from '../../shims/actions.ts';

/** One call of a shim. */
export interface ActionRequest {
  /** The operation's id; the same key again is the same call again, after a broken connection. */
  readonly key: string;
  readonly action: ActionName;
  readonly suffix: string | undefined;
  readonly driver: string;
  readonly argv: readonly string[];
  /** As it came: base64 or XML, see the action's row. */
  readonly stdin: string;
}

export interface ActionSink {
  log(level: LogLevel, text: string): void;
}

export interface ActionOutcome {
  readonly stdout: string;
  readonly failure: { readonly reason: Reason; readonly message: string } | undefined;
}

/** What stands behind the server. */
export interface ActionHandler {
  /** Starts the call, or attaches to it when the key is known. A sink that stops listening cancels nothing. */
  run(request: ActionRequest, sink: ActionSink): Promise<ActionOutcome>;
  /** false: there is no such operation, or it can no longer be stopped. */
  cancel(key: string, reason: string): boolean;
  list(all: boolean): readonly OperationRecord[];
  get(id: string): OperationRecord | undefined;
}

/** Which OpenNebula reads the output (contract 1.4). */
export type Dialect = '7' | '6.10';
