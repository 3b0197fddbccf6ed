import { Server, type ServerCredentials, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation } from 'grpc-health-check';
import { auditInterceptor } from './audit/calls.ts';
import type { Audit } from './audit/log.ts';
import { StorageError } from './errors.ts';
import { adaptHandler, type PlainHandler } from './handlers.ts';
import type { Identity } from './identity/identity.ts';
import { MAX_MESSAGE_BYTES } from './limits.ts';
import type { Logger } from './log.ts';
import type { Implementations } from './methods.ts';
import { healthDefinition, packageDefinition, serviceNames, services } from './proto.ts';
import { type Rights, requireRights, rightsInterceptor } from './rights.ts';
import { closeRevoked, ReloadableCredentials } from './server-tls.ts';

export interface ServiceOptions {
  /** `host:port` to listen on; port 0 takes a free one. */
  readonly address: string;
  readonly identity: Identity;
  readonly implementations: Implementations;
  /** Who may call what. Every method of every implemented service has a row. */
  readonly rights: Rights;
  /** Every call is written there. */
  readonly audit?: Audit;
  readonly log: Logger;
}

export interface Service {
  readonly port: number;
  /** Takes no new calls, waits up to `ms` for those under way, then ends them. */
  drain(ms: number): Promise<void>;
  /** Ends all calls now. */
  stop(): void;
  /** New connections see this identity; those that are there keep the old one, until they end. */
  reload(identity: Identity): void;
}

/**
 * Serves gRPC over mutual TLS. `bad_config` when the address cannot be used, `internal` when a method has no row in `rights`.
 */
export async function startService({ address, identity, implementations, rights, audit, log }: ServiceOptions): Promise<Service> {
  const names = serviceNames.filter((name) => implementations[name] !== undefined);
  requireRights(names, rights);
  const server = new Server({
    interceptors: [...(audit === undefined ? [] : [auditInterceptor(audit)]), rightsInterceptor(rights, identity.revocations, log)],
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    // A caller that vanished without a word is noticed, and its call aborted, within 30 s.
    'grpc.keepalive_time_ms': 20_000,
    'grpc.keepalive_timeout_ms': 10_000,
  });
  const stopping = new AbortController();
  for (const name of names) server.addService(services[name], adapt(services[name], implementations[name] ?? {}, stopping.signal, log));
  // Of the daemon as a whole, and of each service by its name.
  const healthNames = ['', ...names.map((name) => `onestorage.v1.${name}`)];
  const health = new HealthImplementation(Object.fromEntries(healthNames.map((name) => [name, 'SERVING'])));
  health.addToServer(server);
  new ReflectionService(
    { ...packageDefinition, ...healthDefinition },
    {
      services: [...names.map((name) => `onestorage.v1.${name}`), 'grpc.health.v1.Health'],
    },
  ).addToServer(server);

  const credentials = new ReloadableCredentials(identity);
  const port = await listen(server, address, credentials);
  const forget = identity.revocations.onChange(() => closeRevoked(server, identity.revocations, log));
  const end = (): void => {
    forget();
    stopping.abort(new StorageError('unavailable', 'the service stops'));
    server.forceShutdown();
  };
  return {
    port,
    stop: end,
    reload: (fresh) => credentials.reload(fresh),
    drain: (ms) =>
      new Promise((resolve) => {
        for (const name of healthNames) health.setStatus(name, 'NOT_SERVING');
        const timer = setTimeout(end, ms);
        server.tryShutdown(() => {
          clearTimeout(timer);
          resolve();
        });
      }),
  };
}

function adapt(definition: ServiceDefinition, implementation: object, stopping: AbortSignal, log: Logger): UntypedServiceImplementation {
  return Object.fromEntries(
    Object.entries(definition).flatMap(([method, { path, requestStream, responseStream }]) => {
      const handler: unknown = Reflect.get(implementation, method);
      if (typeof handler !== 'function') return [];
      const shape = requestStream ? 'duplex' : responseStream ? 'stream' : 'unary';
      return [[method, adaptHandler(shape, handler.bind(implementation) as PlainHandler, { path, stopping, log })]];
    }),
  );
}

function listen(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error === null) resolve(port);
      else reject(new StorageError('bad_config', `cannot listen on ${address}: ${error.message}`, { cause: error }));
    });
  });
}
