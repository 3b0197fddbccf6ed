import type { ServerHttp2Session } from 'node:http2';
import { TLSSocket } from 'node:tls';
import { type Server, ServerCredentials } from '@grpc/grpc-js';
import type { Identity } from './identity/identity.ts';
import type { Revocations } from './identity/revocation.ts';
import type { Logger } from './log.ts';

/** Mutual TLS whose certificate can be replaced while the server runs. gRPC gives its server what `updateSecureContextOptions` is given. */
export class ReloadableCredentials extends ServerCredentials {
  constructor(identity: Identity) {
    super({ requestCert: true }, contextOf(identity));
  }

  reload(identity: Identity): void {
    this.updateSecureContextOptions(contextOf(identity));
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

function contextOf({ authority, certificate, key }: Identity): { ca: string; cert: string; key: string; minVersion: 'TLSv1.3' } {
  return { ca: authority, cert: certificate, key, minVersion: 'TLSv1.3' };
}

/**
 * Ends the connections of certificates that are revoked, with the calls on them: new calls are refused anyway, but a stream may be open for hours.
 * The map of sessions is gRPC's own; test/runtime/revocation.test.ts notices when it goes away.
 */
export function closeRevoked(server: Server, revocations: Revocations, log: Logger): void {
  const sessions: unknown = Reflect.get(server, 'sessions');
  if (!(sessions instanceof Map)) return;
  for (const session of [...sessions.keys()] as readonly ServerHttp2Session[]) {
    const { socket } = session;
    // A proxy of the session's socket; its methods are those of the socket.
    const certificate = socket instanceof TLSSocket ? socket.getPeerCertificate() : undefined;
    if (!revocations.has(certificate?.serialNumber)) continue;
    log.warn({ host: certificate?.subject.CN }, 'the certificate was revoked: its connection is closed');
    session.destroy();
  }
}
