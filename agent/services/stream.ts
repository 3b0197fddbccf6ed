import type { OperationEvent as WireEvent } from '../../proto/gen/onestorage/v1/OperationEvent.ts';
import type { OperationHeader__Output } from '../../proto/gen/onestorage/v1/OperationHeader.ts';
import { StorageError } from '../../runtime/errors.ts';
import type { OperationEvent, OperationHandle, OperationKind } from '../../runtime/operations/types.ts';
import type { AgentContext, OperationResult } from '../context.ts';

const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** An operation's events as they go over the wire. */
function toWire(event: OperationEvent): WireEvent {
  switch (event.type) {
    case 'log':
      return { log: { level: event.level, text: event.text } };
    case 'progress':
      return { progress: { ...event.progress, bytesPerSecond: event.bytesPerSecond } };
    case 'success':
      return { outcome: { result: (event.result ?? {}) as OperationResult, figures: event.figures } };
    case 'failure':
      return { outcome: { failure: { reason: event.error.reason, message: event.error.message }, figures: event.figures } };
  }
}

/** Sends all events up to the outcome. A client that goes away cancels nothing. */
export async function sendEvents(
  handle: OperationHandle<unknown>,
  signal: AbortSignal,
  send: (event: WireEvent) => Promise<void>,
): Promise<void> {
  for await (const event of handle.events(signal)) await send(toWire(event));
}

/** Starts the operation, or attaches to it when its id is known, and sends its events up to the outcome. */
export async function serveOperation<Input, Result extends OperationResult | undefined>(
  agent: AgentContext,
  kind: OperationKind<Input, Result>,
  header: OperationHeader__Output | null,
  input: Input,
  call: { readonly signal: AbortSignal },
  send: (event: WireEvent) => Promise<void>,
): Promise<void> {
  if (header === null || !ID.test(header.operationId)) {
    throw new StorageError('bad_argument', 'operation.operation_id is missing or malformed: 1 to 128 letters, digits, ".", "_" or "-"');
  }
  const handle = agent.operations.submit(kind, { id: header.operationId, subject: header.subject, input });
  // At once: the controller must know that the operation is in the journal here, and wait for this agent should it go away.
  await send({ progress: { step: 'accepted', doneBytes: 0, totalBytes: 0, bytesPerSecond: 0 } });
  await sendEvents(handle, call.signal, send);
}
