import { z } from 'zod';

/** The key `opentelemetry` of a daemon's configuration. */
export const telemetryConfig = z
  .strictObject({
    endpoint: z
      .url({ protocol: /^https?$/ })
      .optional()
      .meta({
        description: 'Address of a collector that takes OTLP over HTTP; /v1/traces is added. Nothing is sent without it.',
        examples: ['http://collector.example.com:4318'],
      }),
    headers: z
      .record(z.string().regex(/^[A-Za-z0-9-]{1,100}$/, 'not the name of a header'), z.string().max(4096))
      .default({})
      .meta({ description: 'Headers of each request, for a collector that wants a token.', examples: [{ 'x-token': 'secret' }] }),
  })
  .prefault({})
  .describe('Where operations are told of as spans of OpenTelemetry.');

export type TelemetryConfig = z.infer<typeof telemetryConfig>;
