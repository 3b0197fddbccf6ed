import { z } from 'zod';

/** The key `metrics` of a daemon's configuration. */
export const metricsConfig = (port: number) =>
  z.union(
    [
      z.literal('off').transform(() => ({ listen: 'off' })),
      z.strictObject({
        listen: z
          .string()
          .regex(/^(?:off|\S+:\d+)$/, 'host:port, or off')
          .default(`127.0.0.1:${port}`)
          .describe('host:port, without TLS or password: on the loopback unless it is told otherwise; off: none.'),
      }),
    ],
    'off, or listen: host:port',
  );
