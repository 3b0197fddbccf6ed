import type { IncomingMessage, ServerResponse } from 'node:http';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { findAction } from '../../shims/actions.ts';
import type { Looks } from '../looks/looks.ts';
import { KEY } from './actions.ts';
import { idOf } from './events.ts';
import { readForm } from './form.ts';
import { errorAnswer, sendJson } from './operations.ts';

type Look = (looks: Looks, rest: readonly string[], request: IncomingMessage, signal: AbortSignal) => Promise<unknown>;

const VM = 'a virtual machine';

/** `<method> <area> <how many words follow>`. */
const ROUTES: Readonly<Record<string, Look>> = {
  'GET hosts 0': async (looks, _rest, _request, signal) => ({ hosts: await looks.hosts(signal) }),
  'GET datastores 0': async (looks, _rest, _request, signal) => ({ datastores: await looks.datastores(signal) }),
  'GET vms 0': async (looks, _rest, _request, signal) => ({ vms: await looks.vms(undefined, signal) }),
  'GET vms 1': async (looks, [id = ''], _request, signal) => ({ vms: await looks.vms(idOf(id, VM), signal) }),
  'GET backups 0': async (looks, _rest, request, signal) => {
    const filter = { vmId: queryId(request, 'vm', VM), datastoreId: queryId(request, 'datastore', 'a datastore') };
    return { backups: await looks.backups(filter, signal) };
  },
  'GET backups 1': (looks, [id = ''], _request, signal) => looks.backup(idOf(id, 'a backup image'), signal),
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

/** `?vm=9`, of an address. */
function queryId(request: IncomingMessage, name: string, what: string): number | undefined {
  const text = new URL(request.url ?? '/', 'http://onestorage').searchParams.get(name);
  return text === null ? undefined : idOf(text, what);
}

/** Longer than a key: an agent's operation has the step behind it. */
function operationId(text: string): string {
  if (!KEY.test(text.split('.')[0] ?? '') || text.length > 128)
    throw new StorageError('bad_argument', `${text.slice(0, 80)} is not the id of an operation`);
  return text;
}
