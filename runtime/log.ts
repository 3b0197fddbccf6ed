import { pino } from 'pino';
import { StorageError } from './errors.ts';
import { currentTrace } from './trace.ts';

export type Logger = pino.Logger;

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

// Secrets of the wire (proto: "Secret: never logged"), at the depths at which requests are logged.
const SECRETS = ['capability', 'secretAccessKey', 'exportName', 'password', 'restPassword'].flatMap((name) => [
  name,
  `*.${name}`,
  `*.*.${name}`,
]);

/** JSON lines on standard error (or elsewhere, for tests), each with the trace of the call it is written for. They are written at once: the last line before a crash is the one that matters. `bad_config` for an unknown level. */
export function createLogger(name: string, level = 'info', destination?: pino.DestinationStream): Logger {
  if (!LEVELS.some((known) => known === level)) {
    throw new StorageError('bad_config', `log_level: '${level}' is none of ${LEVELS.join(', ')}`);
  }
  return pino(
    {
      name,
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRETS, censor: '[secret]' },
      serializers: { err: describeError },
      mixin: () => {
        const trace = currentTrace()?.trace;
        return trace === undefined ? {} : { trace };
      },
    },
    destination ?? pino.destination({ dest: 2, sync: true }),
  );
}

function describeError(thrown: unknown): unknown {
  if (!(thrown instanceof StorageError)) return thrown instanceof Error ? pino.stdSerializers.err(thrown) : thrown;
  const { reason, message, detail } = thrown;
  return detail === undefined ? { reason, message } : { reason, message, detail };
}
