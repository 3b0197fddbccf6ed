import { ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { asStorageError, StorageError } from './errors.ts';
import type { Role } from './identity/identity.ts';
import { type Peer, peerOf } from './identity/peer.ts';
import type { Revocations } from './identity/revocation.ts';
import type { Logger } from './log.ts';
import type { Methods, ServiceName } from './methods.ts';
import { services } from './proto.ts';
import { toStatus } from './status.ts';

/** `Disks/Create` */
export type MethodName = { [S in ServiceName]: `${S}/${Methods<S>}` }[ServiceName];
export type Rights = Readonly<Partial<Record<MethodName, readonly Role[]>>>;

const PACKAGE = '/onestorage.v1.';
// What grpcurl and a load balancer's probe need; any certificate of the authority will do.
const FOR_EVERY_ROLE = ['/grpc.reflection.', '/grpc.health.v1.'] as const;

/** Refuses a service one of whose methods has no row: the mistake shows at the start, not at the first call. */
export function requireRights(names: readonly ServiceName[], rights: Rights): void {
  for (const name of names) {
    for (const method of Object.keys(services[name])) {
      if (!Object.hasOwn(rights, `${name}/${method}`))
        throw new StorageError('internal', `no rights are set for the method ${name}/${method}`);
    }
  }
}

/** Checks every call of the server before anything of its request is read. */
export function rightsInterceptor(rights: Rights, revocations: Revocations, log: Logger): ServerInterceptor {
  return ({ path }, call) =>
    new ServerInterceptingCall(call, {
      start: (next) => {
        next({
          onReceiveMetadata: (metadata, proceed) => {
            try {
              refuseWithoutRight(path, rights, peerOf(call, revocations));
            } catch (thrown) {
              const error = asStorageError(thrown);
              log.warn({ method: path, peer: call.getPeer(), err: error }, 'call refused');
              call.sendStatus(toStatus(error));
              return;
            }
            proceed(metadata);
          },
        });
      },
    });
}

function refuseWithoutRight(path: string, rights: Rights, peer: Peer): void {
  if (FOR_EVERY_ROLE.some((prefix) => path.startsWith(prefix))) return;
  const name = path.startsWith(PACKAGE) ? path.slice(PACKAGE.length) : path;
  const roles: readonly Role[] | undefined = Object.hasOwn(rights, name) ? rights[name as MethodName] : undefined;
  if (roles?.includes(peer.role)) return;
  throw new StorageError('forbidden', `the certificate of ${peer.hostName} has the role ${peer.role}, which may not call ${name}`);
}
