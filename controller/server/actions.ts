import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { asStorageError, GRPC_CODES, REASONS, StorageError } from '../../runtime/errors.ts';
import { traced } from '../../runtime/trace.ts';
import { ACTIONS, findAction } from '../../shims/actions.ts';
import { readForm } from './form.ts';
import type { ActionHandler, ActionRequest, Dialect } from './handler.ts';
import { Reply } from './reply.ts';
import { outputLines } from './text.ts';
import type { Tombstones } from './tombstones.ts';

export interface ActionRoute {
  readonly handler: ActionHandler;
  readonly log: Logger;
  readonly dialect: Dialect;
  readonly tombstones: Tombstones;
  /** true once the server stops: what ends now ends because of that, and the shims come back. */
  readonly stopping: () => boolean;
}

/** An operation id on the wire. */
export const KEY = /^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$/;

function header(request: IncomingMessage, segments: readonly string[]): Omit<ActionRequest, 'argv' | 'stdin'> {
  const [kind = '', driver = '', word = ''] = segments;
  const found = findAction(kind, word);
  if (found === undefined) throw new StorageError('unsupported', `${kind}/${word}: there is no such action`);
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(driver)) throw new StorageError('bad_argument', `${kind}/${word}: the name of the driver is not one`);
  const key = request.headers['idempotency-key'];
  if (typeof key !== 'string' || !KEY.test(key))
    throw new StorageError('bad_argument', 'the call has no Idempotency-Key of 8 to 64 letters and digits');
  return { key, action: found.action, suffix: found.suffix, driver };
}

export function httpStatus(error: StorageError): number {
  const code = GRPC_CODES[REASONS[error.reason].code];
  if (error.reason === 'too_big') return 413;
  if (code === GRPC_CODES.NOT_FOUND || code === GRPC_CODES.UNIMPLEMENTED) return 404;
  if (code === GRPC_CODES.INVALID_ARGUMENT) return 400;
  return code === GRPC_CODES.FAILED_PRECONDITION ? 409 : 500;
}

/** POST /v1/actions/<ds|tm>/<driver>/<action>: the call of a shim, answered by a stream of records. Never throws. */
export async function serveAction(
  route: ActionRoute,
  request: IncomingMessage,
  response: ServerResponse,
  segments: readonly string[],
): Promise<void> {
  const reply = new Reply(response, route.dialect);
  let call: ActionRequest;
  try {
    const head = header(request, segments);
    const form = await readForm(request);
    if (route.tombstones.has(head.key)) throw new StorageError('cancelled', `${head.action}: cancelled before it began`);
    call = { ...head, ...form };
  } catch (thrown) {
    const error = asStorageError(thrown);
    route.log.warn({ path: request.url, reason: error.reason, error: error.message }, 'call refused');
    reply.fail(error.message, httpStatus(error));
    return;
  }
  reply.accept(call.key);
  try {
    const outcome = await traced({ trace: call.key, log: route.log }, () =>
      route.handler.run(call, { log: (level, text) => reply.log(level, text) }),
    );
    if (route.stopping()) reply.breakOff();
    else if (outcome.failure === undefined) reply.succeed(outputLines(outcome.stdout, ACTIONS[call.action].stdout));
    else reply.fail(outcome.failure.message);
  } catch (thrown) {
    const error = asStorageError(thrown, call.action);
    if (error.reason === 'internal')
      route.log.error({ trace: call.key, operation: call.key, action: call.action, detail: error.detail }, error.message);
    if (route.stopping()) reply.breakOff();
    else reply.fail(error.message);
  }
}
