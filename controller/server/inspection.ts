import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { Inspect } from '../inspection/events.ts';
import { errorAnswer, sendJson } from './operations.ts';

/**
 * POST /v1/datastores/<id>/inspection[?repair=1]: one JSON document a line, each an event; the last is `{"type":"end"}`, or
 * `{"type":"failure"}` with reason and message. An error before the first event is a plain answer with its status. A caller who goes away
 * ends it: what is being moved is moved, and nothing after it.
 */
export async function serveInspection(inspect: Inspect, id: string, repair: boolean, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort(new StorageError('cancelled', 'the caller has gone')));
  const send = async (line: unknown): Promise<void> => {
    if (!response.headersSent)
      response.writeHead(200, { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store', Connection: 'close' });
    if (!response.write(`${JSON.stringify(line)}\n`)) await once(response, 'drain', { signal: gone.signal });
  };
  try {
    if (!/^(?:0|[1-9]\d{0,8})$/u.test(id)) throw new StorageError('bad_argument', `'${id}' is not the id of a datastore`);
    for await (const event of inspect(Number(id), { repair }, gone.signal)) await send(event);
    await send({ type: 'end' });
  } catch (thrown) {
    if (response.destroyed) return;
    const { reason, message } = asStorageError(thrown);
    if (!response.headersSent) return sendJson(response, errorAnswer(reason, message));
    response.write(`${JSON.stringify({ type: 'failure', reason, message })}\n`);
  }
  response.end();
}
