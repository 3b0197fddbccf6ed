import type { ServerInterceptingCallInterface } from '@grpc/grpc-js/build/src/server-interceptors.js';
import { StorageError } from '../errors.ts';
import { readSubject, type Subject } from './identity.ts';
import type { Revocations } from './revocation.ts';

/** The other end of a connection, as its verified certificate names it. */
export type Peer = Subject;

/**
 * The caller of a gRPC call. `bad_identity` when its certificate is not of this authority, names no role, or has expired since the
 * connection was made: a connection outlives the handshake by days. The same when it was revoked, if the list is given.
 */
export function peerOf(call: Pick<ServerInterceptingCallInterface, 'getAuthContext'>, revocations?: Revocations): Peer {
  const certificate = call.getAuthContext().sslPeerCertificate;
  if (certificate === undefined) throw new StorageError('bad_identity', 'the caller showed no certificate of this authority');
  if (!(Date.parse(certificate.valid_to) > Date.now())) {
    throw new StorageError('bad_identity', `the certificate of the caller expired on ${certificate.valid_to}`);
  }
  const peer = readSubject(certificate.subject);
  if (revocations?.has(certificate.serialNumber)) throw revoked(peer);
  return peer;
}

/** Of the other end, on either side of a connection. */
export function revoked({ hostName }: Peer): StorageError {
  return new StorageError('bad_identity', `the certificate of ${hostName} was revoked`);
}
