import type { X509Certificate } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { TLSSocket } from 'node:tls';
import type { z } from 'zod';
import { JoinRequest, RenewRequest } from '../../runtime/enrolment/messages.ts';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { Identity } from '../../runtime/identity/identity.ts';
import type { Logger } from '../../runtime/log.ts';
import type { Enrolment } from './enrolment.ts';

export interface EnrolmentServer {
  readonly port: number;
  reload(identity: Identity): void;
  stop(): Promise<void>;
}

/** A request is some KiB; whoever sends more is not a host. */
const MAX_BODY = 65_536;

interface Call {
  readonly body: unknown;
  /** Verified by TLS: it is of this authority, and has not ended. */
  readonly shown: X509Certificate | undefined;
}

type Route = (enrolment: Enrolment, call: Call) => Promise<object>;

const ROUTES: Readonly<Record<string, Route>> = {
  'POST /v1/join': (enrolment, { body }) => enrolment.join(parsed(JoinRequest, body)),
  'POST /v1/renew': (enrolment, { body, shown }) => {
    if (shown === undefined) throw new StorageError('bad_identity', 'the caller showed no certificate of this authority that is valid');
    return enrolment.renew(parsed(RenewRequest, body), shown);
  },
  // Signed by the authority, and no secret.
  'GET /v1/revocations': async (enrolment) => ({ revocations: (await enrolment.revocations()) ?? null, clock: Date.now() }),
};

/**
 * Where hosts come from outside: TLS with the controller's certificate, so that a host can tell by the authority's fingerprint whom it speaks to. A host
 * that joins has no certificate yet; what needs one asks for it.
 */
export async function startEnrolmentServer(
  address: string,
  identity: Identity,
  enrolment: Enrolment,
  log: Logger,
): Promise<EnrolmentServer> {
  const server = createServer(
    {
      ...contextOf(identity),
      requestCert: true,
      rejectUnauthorized: false,
      requestTimeout: 10_000,
      headersTimeout: 5000,
      handshakeTimeout: 5000,
    },
    (request, response) => {
      request.on('error', () => undefined);
      response.on('error', () => undefined);
      void answer(enrolment, request, response, log);
    },
  );
  server.maxConnections = 256;
  server.on('tlsClientError', (error) => log.debug({ error: error.message }, 'enrolment: no TLS'));
  const [, host = '', port = ''] = /^\[?(.*?)\]?:(\d+)$/u.exec(address) ?? [];
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new StorageError('bad_config', `enrolment.listen: cannot listen on ${address}: ${error.message}`)),
    );
    server.listen(Number(port), host, resolve);
  });
  server.on('error', (error) => log.error({ error: error.message }, 'enrolment'));
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : Number(port),
    reload: (fresh) => server.setSecureContext(contextOf(fresh)),
    stop: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function contextOf({ authority, certificate, key }: Identity): { ca: string; cert: string; key: string; minVersion: 'TLSv1.3' } {
  // The authority goes along: a host that joins compares it with its token.
  return { ca: authority, cert: `${certificate}${authority}`, key, minVersion: 'TLSv1.3' };
}

async function answer(enrolment: Enrolment, request: IncomingMessage, response: ServerResponse, log: Logger): Promise<void> {
  const word = `${request.method ?? ''} ${request.url ?? ''}`;
  // Of a caller who has gone there is none any more.
  const { socket } = request;
  const peer = socket.remoteAddress;
  try {
    const route = Object.hasOwn(ROUTES, word) ? ROUTES[word] : undefined;
    if (route === undefined) throw new StorageError('not_found', 'there is nothing at this address');
    const shown = socket instanceof TLSSocket && socket.authorized ? socket.getPeerX509Certificate() : undefined;
    send(response, 200, await route(enrolment, { body: await readBody(request), shown }));
  } catch (thrown) {
    const { reason, message, detail } = asStorageError(thrown);
    log.warn({ peer, call: word.slice(0, 80), reason, error: message, detail }, 'enrolment refused');
    send(response, 400, { error: { reason, message: reason === 'internal' ? 'the controller failed: see its log' : message } });
  }
}

function readBody(request: IncomingMessage): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const parts: Buffer[] = [];
  let size = 0;
  // Not `for await`: leaving it would cut the connection, and the caller would hear nothing.
  request.on('data', (part: Buffer) => {
    size += part.length;
    if (size <= MAX_BODY) parts.push(part);
    else reject(new StorageError('too_big', 'the request is larger than 64 KiB'));
  });
  request.once('close', () => reject(new StorageError('interrupted', 'the caller has gone')));
  request.once('end', () => {
    try {
      resolve(size === 0 ? undefined : JSON.parse(Buffer.concat(parts).toString('utf8')));
    } catch (thrown) {
      reject(new StorageError('bad_argument', 'the request is not JSON', { cause: thrown }));
    }
  });
  return promise;
}

function parsed<T>(schema: z.ZodType<T>, body: unknown): T {
  const { data, error } = schema.safeParse(body);
  if (error === undefined) return data as T;
  throw new StorageError('bad_argument', `the request cannot be used: ${error.issues[0]?.path.join('.') ?? ''}: is it of another version?`);
}

function send(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), connection: 'close' });
  response.end(text);
}
