import type { ServerResponse } from 'node:http';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { AdoptionPlan } from '../adoption/adoption.ts';
import { idOf } from './events.ts';
import { errorAnswer, sendJson } from './operations.ts';

/** What stands behind it: a plan, and with `apply` the change itself. */
export type Adopt = (id: number, flags: { readonly undo: boolean; readonly apply: boolean }, signal: AbortSignal) => Promise<AdoptionPlan>;

/** POST /v1/datastores/<id>/adoption[?undo=1][&apply=1] */
export async function serveAdoption(adopt: Adopt, id: string, flag: (name: string) => boolean, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort(new StorageError('cancelled', 'the caller has gone')));
  try {
    sendJson(response, {
      status: 200,
      body: await adopt(idOf(id, 'a datastore'), { undo: flag('undo'), apply: flag('apply') }, gone.signal),
    });
  } catch (thrown) {
    const { reason, message } = asStorageError(thrown);
    sendJson(response, errorAnswer(reason, message));
  }
}
