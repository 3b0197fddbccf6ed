import { createHash, X509Certificate } from 'node:crypto';
import { request as httpsRequest } from 'node:https';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import type { z } from 'zod';
import { Refusal } from '../../runtime/enrolment/messages.ts';
import { asStorageError, isReason, plainNetworkText, StorageError } from '../../runtime/errors.ts';
import { type Identity, readSubject } from '../../runtime/identity/identity.ts';

/** How this host knows that it speaks to the controller: by the fingerprint in its token, or as itself, with its certificate. */
export type Trust = { readonly fingerprint: string } | Pick<Identity, 'authority' | 'certificate' | 'key' | 'revocations'>;

const LIMIT_MS = 15_000;
const MAX_ANSWER = 4 * 1024 * 1024;

/** One call to the controller's enrolment. Throws unreachable, bad_identity, or what the controller answers. */
export async function callEnrolment<T>(
  endpoint: string,
  trust: Trust,
  path: string,
  body: object | undefined,
  schema: z.ZodType<T>,
  signal: AbortSignal,
): Promise<T> {
  const all = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]);
  const socket = await open(endpoint, trust, all);
  try {
    const answer: unknown = JSON.parse(await exchange(socket, endpoint, path, body, all));
    const refusal = Refusal.safeParse(answer);
    if (refusal.success) {
      const { reason, message } = refusal.data.error;
      throw new StorageError(isReason(reason) ? reason : 'internal', message);
    }
    return schema.parse(answer);
  } catch (thrown) {
    if (thrown instanceof StorageError) throw thrown;
    throw new StorageError(
      'unreachable',
      `${endpoint} does not answer as a controller: ${plainNetworkText(asStorageError(thrown).message)}`,
      { cause: thrown },
    );
  } finally {
    socket.destroy();
  }
}

async function open(endpoint: string, trust: Trust, signal: AbortSignal): Promise<TLSSocket> {
  const [, host = '', port = ''] = /^\[?(.*?)\]?:(\d+)$/u.exec(endpoint) ?? [];
  const options: ConnectionOptions = { host, port: Number(port), servername: 'localhost', minVersion: 'TLSv1.3', ...tlsOf(trust) };
  try {
    return await new Promise<TLSSocket>((resolve, reject) => {
      const socket = connect(options, () => {
        const refused = 'fingerprint' in trust ? checkFingerprint(socket, trust.fingerprint) : undefined;
        if (refused === undefined) return resolve(socket);
        socket.destroy();
        reject(refused);
      });
      socket.once('error', reject);
      signal.addEventListener('abort', () => socket.destroy(new Error('no answer')), { once: true });
    });
  } catch (thrown) {
    if (thrown instanceof StorageError) throw thrown;
    const text = plainNetworkText(asStorageError(thrown).message);
    if (/certificate/u.test(text))
      throw new StorageError('bad_identity', `the certificate of ${endpoint} is not accepted: ${text}`, { cause: thrown });
    throw new StorageError('unreachable', `the controller at ${endpoint} cannot be reached: ${text}`, { cause: thrown });
  }
}

function tlsOf(trust: Trust): ConnectionOptions {
  if ('fingerprint' in trust) return { rejectUnauthorized: false };
  return {
    ca: trust.authority,
    cert: trust.certificate,
    key: trust.key,
    // Who it is says its role; hosts may know the front-end by any name.
    checkServerIdentity: (_name, peer) => {
      const { role, hostName } = readSubject(peer.subject);
      if (trust.revocations.has(peer.serialNumber)) return new StorageError('bad_identity', `the certificate of ${hostName} was revoked`);
      return role === 'controller' ? undefined : notController(hostName);
    },
  };
}

/**
 * TLS has shown that the other end holds the key of its certificate; here, that the authority of the token issued it to a controller. Its times are
 * not looked at: the clock of a host that joins may be anything, and the controller says so.
 */
function checkFingerprint(socket: TLSSocket, fingerprint: string): StorageError | undefined {
  const leaf = socket.getPeerX509Certificate();
  const issuer = leaf?.issuerCertificate;
  const isExpected = issuer !== undefined && createHash('sha256').update(issuer.raw).digest('hex') === fingerprint;
  if (leaf === undefined || issuer === undefined || !isExpected || !new X509Certificate(leaf.raw).verify(issuer.publicKey)) {
    return new StorageError(
      'bad_identity',
      'the controller is not of the authority that the token names: was the token made on this front-end?',
    );
  }
  const { role, hostName } = readSubject(leaf.toLegacyObject().subject);
  return role === 'controller' ? undefined : notController(hostName);
}

function notController(hostName: string): StorageError {
  return new StorageError('bad_identity', `${hostName} answers there, and is no controller`);
}

function exchange(socket: TLSSocket, endpoint: string, path: string, body: object | undefined, signal: AbortSignal): Promise<string> {
  const text = body === undefined ? '' : JSON.stringify(body);
  const headers = { host: endpoint, 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    const call = httpsRequest(
      { method: body === undefined ? 'GET' : 'POST', path, headers, createConnection: () => socket, signal },
      (response) => {
        const parts: Buffer[] = [];
        let size = 0;
        response.on('data', (part: Buffer) => {
          parts.push(part);
          size += part.length;
          if (size > MAX_ANSWER) response.destroy(new Error('the answer is too long'));
        });
        response.on('error', reject);
        response.on('end', () => resolve(Buffer.concat(parts).toString('utf8')));
      },
    );
    call.on('error', reject);
    // After the answer it changes nothing.
    socket.once('close', () => reject(new Error('connection closed')));
    call.end(text);
  });
}
