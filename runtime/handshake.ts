import type { ChannelCredentials } from '@grpc/grpc-js';

type SecureConnector = ReturnType<ChannelCredentials['_createSecureConnector']>;

/**
 * Ends a TLS handshake that takes longer than `ms`. gRPC sets no limit: a host that froze, or died, between accepting the connection and
 * the handshake would keep the channel connecting for ever, and no call would get through after the host is back.
 * `onEnd` learns whether this side trusts the other one.
 *
 * `_createSecureConnector` is the only place where gRPC shows the socket; test/runtime/service.test.ts notices when that changes.
 */
export function limitHandshake(credentials: ChannelCredentials, ms: number, onEnd: (trusted: boolean) => void): ChannelCredentials {
  const create = credentials._createSecureConnector.bind(credentials);
  credentials._createSecureConnector = (...words) => {
    const connector = create(...words);
    const limited: SecureConnector = {
      waitForReady: () => connector.waitForReady(),
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => connector.destroy(),
      connect: async (socket) => {
        const late = Promise.withResolvers<never>();
        // gRPC closes the socket of an attempt that fails; its own connector would not notice that the socket was closed.
        const timer = setTimeout(() => late.reject(new Error(`no TLS handshake within ${ms / 1000} s`)), ms);
        try {
          const result = await Promise.race([connector.connect(socket), late.promise]);
          onEnd(true);
          return result;
        } catch (thrown) {
          onEnd(false);
          throw thrown;
        } finally {
          clearTimeout(timer);
        }
      },
    };
    return limited;
  };
  return credentials;
}
