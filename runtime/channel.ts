import { once } from 'node:events';
import {
  type CallOptions,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { type Connection, type ExpectedPeer, openConnection } from './connection.ts';
import { StorageError } from './errors.ts';
import type { Identity } from './identity/identity.ts';
import { type Clients, clients, type ServiceName } from './proto.ts';
import { currentTrace, TRACE_HEADER } from './trace.ts';

/** Connection to one agent: made at the first call, made again when it breaks. */
export interface Channel {
  /** `host01 (10.0.0.1:2635)`, for messages. */
  readonly host: string;
  client<S extends ServiceName>(name: S): Clients[S];
  /** Was the certificate of the other end revoked? Then it takes no more calls; one that has joined again needs a new channel. */
  readonly isRevoked: boolean;
  /** Takes no more calls; those under way go on. */
  close(): void;
}

/** Which connection a client uses: calls wait for it, and name the host in their errors. */
const connections = new WeakMap<object, Connection>();

/**
 * Opens nothing yet. At the first call the server's certificate must be of this authority, for the role agent, and for the expected host and
 * machine; else calls fail with `bad_identity`. A host that does not answer: `unreachable` after `connectMs` (5 s).
 */
export function openChannel(address: string, identity: Identity, expect: ExpectedPeer, connectMs?: number): Channel {
  const host = expect.hostName === undefined ? address : `${expect.hostName} (${address})`;
  const connection = openConnection(address, host, identity, expect, connectMs);
  return {
    host,
    client: (name) => {
      const client = new clients[name](address, connection.credentials, { channelOverride: connection.channel });
      connections.set(client, connection);
      return client;
    },
    get isRevoked() {
      return connection.revoked.aborted;
    },
    close: () => connection.close(),
  };
}

export interface UnaryOptions {
  readonly signal: AbortSignal;
  /** `timeout` when there is no answer by then. Default 30 s. */
  readonly deadlineMs?: number | undefined;
}

const DEFAULT_DEADLINE_MS = 30_000;

// The last overload of a generated method tells what it takes and what it gives.
type UnaryMethod<Request, Response> = (
  argument: Request,
  callback: (error: ServiceError | null, value?: Response) => void,
) => ClientUnaryCall;
type StreamMethod<Request, Message> = (argument: Request, options?: CallOptions) => ClientReadableStream<Message>;
type DuplexMethod<Request, Message> = (options?: CallOptions) => ClientDuplexStream<Request, Message>;
type UnaryRequest<M> = M extends UnaryMethod<infer Request, infer _Response> ? Request : never;
type UnaryResponse<M> = M extends (argument: infer _Request, callback: (error: never, value?: infer Response) => void) => ClientUnaryCall
  ? Exclude<Response, undefined>
  : never;
type StreamRequest<M> = M extends StreamMethod<infer Request, infer _Message> ? Request : never;
type StreamMessage<M> = M extends StreamMethod<infer _Request, infer Message> ? Message : never;
type DuplexRequest<M> = M extends DuplexMethod<infer Request, infer _Message> ? Request : never;
type DuplexMessage<M> = M extends DuplexMethod<infer _Request, infer Message> ? Message : never;

/** Says for which call of a shim this is asked. */
function metadata(): Metadata {
  const found = new Metadata();
  const trace = currentTrace()?.trace;
  if (trace !== undefined) found.set(TRACE_HEADER, trace);
  return found;
}

/** One request, one answer: `callUnary(channel.client('Hosts'), 'Usage', { datastoreId: 1 }, { signal })`. */
export async function callUnary<C extends object, M extends keyof C & string>(
  client: C,
  method: M,
  request: UnaryRequest<C[M]>,
  { signal: given, deadlineMs = DEFAULT_DEADLINE_MS }: UnaryOptions,
): Promise<UnaryResponse<C[M]>> {
  const deadline = Date.now() + deadlineMs;
  const { connection, signal } = await connected(client, given);
  const { promise, resolve, reject } = Promise.withResolvers<UnaryResponse<C[M]>>();
  const call = invoke<ClientUnaryCall>(client, method, [
    request,
    metadata(),
    { deadline },
    (error: ServiceError | null, value?: UnaryResponse<C[M]>) => {
      if (value === undefined || error !== null) reject(failure(error, connection, signal));
      else resolve(value);
    },
  ]);
  const cancel = (): void => call.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

/** The messages of a server stream, read as fast as they are taken. Leaving the loop, or the signal, cancels the call. */
export async function* callStream<C extends object, M extends keyof C & string>(
  client: C,
  method: M,
  request: StreamRequest<C[M]>,
  { signal: given }: { readonly signal: AbortSignal },
): AsyncGenerator<StreamMessage<C[M]>, void, undefined> {
  const { connection, signal } = await connected(client, given);
  const call = invoke<ClientReadableStream<StreamMessage<C[M]>>>(client, method, [request, metadata()]);
  yield* messagesOf<StreamMessage<C[M]>>(call, connection, signal);
}

/** Both directions of a bidirectional stream. */
export interface Duplex<Request, Message> {
  /** Resolves when the next one may be sent. */
  send(request: Request): Promise<void>;
  /** No more requests; the messages go on. */
  finish(): void;
  /** To be read once. Leaving the loop cancels the call. */
  readonly messages: AsyncGenerator<Message, void, undefined>;
  cancel(): void;
}

/** Opens a bidirectional stream: `openDuplex(channel.client('Transfers'), 'Fetch', { signal })`. Failures come out of `messages`. */
export async function openDuplex<C extends object, M extends keyof C & string>(
  client: C,
  method: M,
  { signal: given }: { readonly signal: AbortSignal },
): Promise<Duplex<DuplexRequest<C[M]>, DuplexMessage<C[M]>>> {
  const { connection, signal } = await connected(client, given);
  const call = invoke<ClientDuplexStream<DuplexRequest<C[M]>, DuplexMessage<C[M]>>>(client, method, [metadata()]);
  // gRPC emits the status once: kept for a reader who comes later, for whom the stream would seem to end well.
  const outcome: { failed?: unknown } = {};
  call.once('error', (thrown) => {
    outcome.failed = thrown;
  });
  const cancel = (): void => call.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  call.once('close', () => signal.removeEventListener('abort', cancel));
  return {
    messages: messagesOf<DuplexMessage<C[M]>>(call, connection, signal, outcome),
    send: async (request) => {
      signal.throwIfAborted();
      if (!call.write(request))
        await once(call, 'drain', { signal }).catch((thrown: unknown) => Promise.reject(failure(thrown, connection, signal)));
    },
    finish: () => call.end(),
    cancel,
  };
}

async function* messagesOf<Message>(
  call: ClientReadableStream<Message> | ClientDuplexStream<never, Message>,
  connection: Connection,
  signal: AbortSignal,
  outcome: { readonly failed?: unknown } = {},
): AsyncGenerator<Message, void, undefined> {
  const cancel = (): void => call.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    for await (const message of call) yield message as Message;
    if (outcome.failed !== undefined) throw outcome.failed;
  } catch (thrown) {
    throw failure(thrown, connection, signal);
  } finally {
    signal.removeEventListener('abort', cancel);
    // Nothing when the call has ended; it must not go on on the other host when the reader left.
    call.cancel();
  }
}

/** Its connection, when there is one, and what ends the call: the caller, or a revocation of the other end. */
async function connected(client: object, given: AbortSignal): Promise<{ readonly connection: Connection; readonly signal: AbortSignal }> {
  const connection = connections.get(client);
  if (connection === undefined) throw new StorageError('internal', 'this client does not come from a channel');
  const signal = AbortSignal.any([given, connection.revoked]);
  try {
    await connection.ready(signal);
  } catch (thrown) {
    throw failure(thrown, connection, signal);
  }
  return { connection, signal };
}

function invoke<Call>(client: object, method: string, words: readonly unknown[]): Call {
  const start: unknown = Reflect.get(client, method);
  if (typeof start !== 'function') throw new StorageError('internal', `there is no method ${method}`);
  return Reflect.apply(start, client, words);
}

/** Why a call failed: the caller's own reason when it was the caller who gave up. */
function failure(thrown: unknown, connection: Connection, signal: AbortSignal): StorageError {
  if (!signal.aborted) return connection.explain(thrown);
  return signal.reason instanceof StorageError ? signal.reason : new StorageError('cancelled', 'the call was cancelled');
}
