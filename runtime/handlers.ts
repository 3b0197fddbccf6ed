import { type EventEmitter, once } from 'node:events';
import type { ServerDuplexStream, ServerUnaryCall, ServerWritableStream, sendUnaryData, UntypedHandleCall } from '@grpc/grpc-js';
import { asStorageError, StorageError } from './errors.ts';
import { peerOf } from './identity/peer.ts';
import type { Logger } from './log.ts';
import type { Send, ServiceCall } from './methods.ts';
import { toStatus } from './status.ts';
import { TRACE_HEADER, traced } from './trace.ts';

/** A handler of runtime/methods.ts without its types: which of the three it is, is in the service definition. */
export type PlainHandler = (request: unknown, call: ServiceCall, send: Send<unknown>) => Promise<unknown>;

export interface HandlerContext {
  readonly path: string;
  /** Aborts when the service is stopped. */
  readonly stopping: AbortSignal;
  readonly log: Logger;
}

type AnyCall = ServerUnaryCall<unknown, unknown> | ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>;
type WritableCall = ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>;

const ADAPTERS = {
  unary:
    (handler: PlainHandler, context: HandlerContext) =>
    (call: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<unknown>): void => {
      inTrace(call, context, () =>
        handler(call.request, describeCall(call, context), neverSend).then(
          (response) => callback(null, response),
          (thrown: unknown) => callback(toStatus(reportFailure(thrown, call, context))),
        ),
      );
    },
  stream:
    (handler: PlainHandler, context: HandlerContext) =>
    (call: ServerWritableStream<unknown, unknown>): void =>
      serveStream(call, context, (described, send) => handler(call.request, described, send)),
  duplex:
    (handler: PlainHandler, context: HandlerContext) =>
    (call: ServerDuplexStream<unknown, unknown>): void =>
      serveStream(call, context, (described, send) => handler(requestsOf(call, described.signal), described, send)),
} as const;

/** A plain async handler as what the gRPC server calls. */
export function adaptHandler(shape: keyof typeof ADAPTERS, handler: PlainHandler, context: HandlerContext): UntypedHandleCall {
  return ADAPTERS[shape](handler, context) as UntypedHandleCall;
}

function serveStream(
  call: WritableCall,
  context: HandlerContext,
  work: (call: ServiceCall, send: Send<unknown>) => Promise<unknown>,
): void {
  const described = describeCall(call, context);
  inTrace(call, context, () =>
    work(described, senderTo(call, described.signal)).then(
      () => call.end(),
      // gRPC takes the status of a stream from its error event.
      (thrown: unknown) => call.emit('error', toStatus(reportFailure(thrown, call, context))),
    ),
  );
}

/** For the call of a shim that the caller names. */
function inTrace(call: AnyCall, { log }: HandlerContext, work: () => Promise<unknown>): void {
  const [trace = ''] = call.metadata.get(TRACE_HEADER);
  void traced({ trace: String(trace), log }, work);
}

function describeCall(call: AnyCall, { stopping }: HandlerContext): ServiceCall {
  const gone = new AbortController();
  // Their overloads differ; as emitters they are one.
  const events: EventEmitter = call;
  events.once('cancelled', () => gone.abort(new StorageError('cancelled', 'the caller went away')));
  if (call.cancelled) gone.abort(new StorageError('cancelled', 'the caller went away'));
  return { peer: peerOf(call), signal: AbortSignal.any([gone.signal, stopping]) };
}

function senderTo(call: WritableCall, signal: AbortSignal): Send<unknown> {
  return async (message) => {
    signal.throwIfAborted();
    if (call.write(message)) return;
    try {
      await once(call, 'drain', { signal });
    } catch (thrown) {
      throw signal.aborted ? signal.reason : thrown;
    }
  };
}

/** The caller's messages. A call that is cut ends them with `cancelled`, so a handler cannot take it for the end of the requests. */
async function* requestsOf(call: ServerDuplexStream<unknown, unknown>, signal: AbortSignal): AsyncGenerator<unknown> {
  try {
    // Not destroyed when the handler stops reading: it may still have to answer.
    yield* call.iterator({ destroyOnReturn: false });
  } catch (thrown) {
    throw signal.aborted ? signal.reason : thrown;
  }
  signal.throwIfAborted();
}

async function neverSend(): Promise<void> {
  throw new StorageError('internal', 'a unary method sends no messages');
}

function reportFailure(thrown: unknown, call: AnyCall, { path, log }: HandlerContext): StorageError {
  const error = asStorageError(thrown);
  log[error.reason === 'internal' ? 'error' : 'debug']({ method: path, peer: call.getPeer(), err: error }, 'call failed');
  return error;
}
