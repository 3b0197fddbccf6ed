import type { IncomingMessage, ServerResponse } from 'node:http';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { findAction } from '../../shims/actions.ts';
import type { Looks } from '../looks/looks.ts';
import { KEY } from './actions.ts';
import { readForm } from './form.ts';
import { errorAnswer, sendJson } from './operations.ts';

type Look = (looks: Looks, rest: readonly string[], request: IncomingMessage, signal: AbortSignal) => Promise<unknown>;

/** `<method> <area> <how many words follow>`. */
const ROUTES: Readonly<Record<string, Look>> = {
  'GET hosts 0': async (looks, _rest, _request, signal) => ({ hosts: await looks.hosts(signal) }),
  'GET datastores 0': async (looks, _rest, _request, signal) => ({ datastores: await looks.datastores(signal) }),
  'GET vms 0': async (looks, _rest, _request, signal) => ({ vms: await looks.vms(undefined, signal) }),
  'GET vms 1': async (looks, [id = ''], _request, signal) => ({ vms: await looks.vms(vmId(id), signal) }),
  'GET stories 1': (looks, [id = ''], _request, signal) => looks.story(operationId(id), signal),
  'POST explanations 3': async (looks, [kind = '', driver = '', word = ''], request, signal) => {
    const found = findAction(kind, word);
    if (found === undefined) throw new StorageError('unsupported', `${kind}/${word}: there is no such action`);
    return await looks.explain({ driver, action: found.action, suffix: found.suffix, ...(await readForm(request)) }, signal);
  },
};

/** What operators are shown, as JSON; undefined: it is no such request. A caller who goes away ends the look. */
export function findLook(method: string, area: string | undefined, rest: readonly string[]): Look | undefined {
  const key = `${method} ${area} ${rest.length}`;
  return Object.hasOwn(ROUTES, key) ? ROUTES[key] : undefined;
}

export async function serveLook(
  look: Look,
  looks: Looks,
  rest: readonly string[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort(new StorageError('cancelled', 'the caller has gone')));
  try {
    sendJson(response, { status: 200, body: await look(looks, rest, request, gone.signal) });
  } catch (thrown) {
    const { reason, message } = asStorageError(thrown);
    sendJson(response, errorAnswer(reason, message));
  }
}

function vmId(text: string): number {
  if (!/^(?:0|[1-9]\d{0,8})$/u.test(text)) throw new StorageError('bad_argument', `'${text}' is not the id of a virtual machine`);
  return Number(text);
}

/** Longer than a key: an agent's operation has the step behind it. */
function operationId(text: string): string {
  if (!KEY.test(text.split('.')[0] ?? '') || text.length > 128)
    throw new StorageError('bad_argument', 'this is not the id of an operation');
  return text;
}
