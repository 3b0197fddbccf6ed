import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import { ChannelCredentials, connectivityState, Channel as GrpcChannel } from '@grpc/grpc-js';
import { plainNetworkText, StorageError } from './errors.ts';
import { limitHandshake } from './handshake.ts';
import { type Identity, readSubject } from './identity/identity.ts';
import { MAX_MESSAGE_BYTES } from './limits.ts';
import { fromStatus, plainDetails } from './status.ts';

/** A host that is up answers a connection within milliseconds; one that is down would hold a call for minutes. */
const CONNECT_MS = 5000;

/** How long gRPC pauses at most between two attempts, and (with its ±20 %) how long a call waits for the next one when it comes in a pause. */
const LONGEST_BACKOFF_MS = 1500;
const NEXT_ATTEMPT_MS = 2000;

/** Who the certificate of the other end must name. */
export interface ExpectedPeer {
  readonly hostName?: string | undefined;
  readonly machineId?: string | undefined;
}

/** The transport of one channel. */
export interface Connection {
  readonly credentials: ChannelCredentials;
  readonly channel: GrpcChannel;
  /** Waits while the connection is being made: `unreachable` after 5 s. When it cannot be made the call itself fails at once and says why. */
  ready(signal: AbortSignal): Promise<void>;
  /** A failed call, or refused connection, as a StorageError that names the host. */
  explain(thrown: unknown): StorageError;
  /** Aborts with bad_identity when the certificate of the other end is revoked. */
  readonly revoked: AbortSignal;
  close(): void;
}

export function openConnection(
  address: string,
  host: string,
  identity: Identity,
  expect: ExpectedPeer,
  connectMs = CONNECT_MS,
): Connection {
  // What the last handshake has found out about the other end.
  let refusal: StorageError | undefined;
  let trusted = false;
  let attempt = 0;
  // The attempt at which the other end first cut us off, in an unbroken row.
  let firstCut: number | undefined;
  const { authority, certificate, key, revocations } = identity;
  const revocation = new AbortController();
  // Of the other end's certificate, at the last handshake.
  let serial: string | undefined;
  const forget = revocations.onChange(() => {
    if (revocations.has(serial)) revocation.abort(isRevoked(host));
  });
  const tls = ChannelCredentials.createFromSecureContext(
    createSecureContext({ ca: authority, cert: certificate, key, minVersion: 'TLSv1.3' }),
    {
      checkServerIdentity: (_name, peer) => {
        serial = peer.serialNumber;
        refusal = revocations.has(serial) ? isRevoked(host) : checkPeer(host, peer.subject, expect);
        return refusal;
      },
    },
  );
  const credentials = limitHandshake(tls, connectMs, (ended) => {
    attempt += 1;
    trusted = ended;
  });
  const channel = new GrpcChannel(address, credentials, channelOptions(expect));
  return {
    credentials,
    channel,
    revoked: revocation.signal,
    close: () => {
      forget();
      channel.close();
    },
    ready: async (signal) => {
      if (await awaitAnswer(channel, host, connectMs, signal)) firstCut = undefined;
    },
    explain: (thrown) => {
      const text = thrown instanceof Error ? thrown.message : '';
      if (text.includes(NO_ADDRESS)) return unresolved(address, host, thrown, text);
      if (!text.includes(NO_CONNECTION)) return fromStatus(thrown, host);
      // gRPC repeats why it could not connect as the text of an UNAVAILABLE; only there does it stand for this attempt.
      if (refusal !== undefined && text.includes(refusal.message)) return refusal;
      if (CHAIN_REFUSED.test(text)) {
        return new StorageError('bad_identity', `the certificate of ${host} is not accepted: ${plainDetails(text)}`, { cause: thrown });
      }
      if (trusted && CUT_OFF.test(text)) {
        const own = `the certificate in ${identity.directory}`;
        const why = identity.notAfter.getTime() < Date.now() ? `${own} has expired` : `it may not accept ${own}`;
        // An agent that is killed at this very moment looks the same once, not twice.
        firstCut ??= attempt;
        const reason = firstCut < attempt ? 'bad_identity' : 'unreachable';
        return new StorageError(reason, `${host} closed the connection: ${why}`, { cause: thrown });
      }
      firstCut = undefined;
      return fromStatus(thrown, host);
    },
  };
}

/** How gRPC begins the text of a call that found no connection. */
const NO_CONNECTION = 'No connection established';

/** And of a call for which there was not even an address. */
const NO_ADDRESS = 'Name resolution failed';

function unresolved(address: string, host: string, cause: unknown, text: string): StorageError {
  const name = address.slice(0, address.lastIndexOf(':'));
  const why = plainNetworkText(/getaddrinfo E[A-Z_]+/u.exec(text)?.[0] ?? 'its name is not known');
  // An address that is nothing but the host's name would say it twice.
  return new StorageError('unreachable', `${host.startsWith(`${name} (`) ? name : host} cannot be resolved: ${why}`, { cause });
}

/** Had the failed call a connection? Then the other end may have taken it before the connection broke. gRPC says so in words only. */
export function hadConnection(error: StorageError): boolean {
  const details: unknown = Reflect.get(Object(error.cause), 'details');
  return typeof details === 'string' && ![NO_CONNECTION, NO_ADDRESS].some((text) => details.includes(text));
}

/** How OpenSSL says that the chain of the other end was not accepted here. */
const CHAIN_REFUSED =
  /self-signed certificate|unable to (?:verify|get (?:local )?issuer)|certificate (?:has expired|is not yet valid|signature failure)/iu;
/** In TLS 1.3 a server judges the client's certificate after the client is done, and Node's then just closes. */
const CUT_OFF = /Failed to connect|ECONNRESET|EPIPE|socket hang up|alert/iu;

function channelOptions(expect: ExpectedPeer): Record<string, string | number> {
  // TLS takes no IP address as a server name; the certificate's subject is compared instead, see checkPeer.
  const name = expect.hostName === undefined || isIP(expect.hostName) !== 0 ? 'localhost' : expect.hostName;
  return {
    'grpc.ssl_target_name_override': name,
    'grpc.default_authority': name,
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    // A host that died in the middle of a stream is noticed after 15 s.
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5000,
    // A host that comes back is found soon; the caller decides about repeating a call.
    'grpc.initial_reconnect_backoff_ms': 250,
    'grpc.max_reconnect_backoff_ms': LONGEST_BACKOFF_MS,
    'grpc.enable_retries': 0,
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.use_local_subchannel_pool': 1,
  };
}

function checkPeer(host: string, subject: object, expect: ExpectedPeer): StorageError | undefined {
  try {
    const peer = readSubject(subject);
    if (peer.role !== 'agent') return refuse(host, `its certificate has the role ${peer.role}, not agent`);
    if (expect.hostName !== undefined && peer.hostName.toLowerCase() !== expect.hostName.toLowerCase()) {
      return refuse(host, `its certificate is for the host ${peer.hostName}`);
    }
    if (expect.machineId !== undefined && peer.machineId !== expect.machineId) {
      return refuse(host, `its certificate is for the machine ${peer.machineId}, expected ${expect.machineId}`);
    }
    return undefined;
  } catch {
    return refuse(host, 'its certificate was not issued by onestorage');
  }
}

function isRevoked(host: string): StorageError {
  return new StorageError('bad_identity', `the certificate of ${host} was revoked`);
}

function refuse(host: string, why: string): StorageError {
  return new StorageError('bad_identity', `${host} is not the agent that was expected: ${why}`);
}

/** Is the channel ready when it has stopped connecting? Throws `unreachable` when that takes too long. */
async function awaitAnswer(channel: GrpcChannel, host: string, connectMs: number, signal: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + connectMs;
  // The failure that a call finds is of an earlier attempt: the host may be back, and gRPC only pauses.
  if (channel.getConnectivityState(true) === connectivityState.TRANSIENT_FAILURE) {
    signal.throwIfAborted();
    await nextState(channel, connectivityState.TRANSIENT_FAILURE, Date.now() + Math.min(NEXT_ATTEMPT_MS, connectMs), signal);
  }
  for (;;) {
    signal.throwIfAborted();
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.READY) return true;
    if (state !== connectivityState.IDLE && state !== connectivityState.CONNECTING) return false;
    const changed = await nextState(channel, state, deadline, signal);
    if (!changed) throw new StorageError('unreachable', `${host} does not answer: no connection within ${connectMs / 1000} s`);
  }
}

function nextState(channel: GrpcChannel, state: connectivityState, deadline: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    channel.watchConnectivityState(state, deadline, (error) => {
      signal.removeEventListener('abort', onAbort);
      resolve(error === undefined);
    });
  });
}
