import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { errorAnswer, sendJson } from './operations.ts';

/**
 * An answer of one JSON document a line, each an event; the last is `{"type":"end"}`, or `{"type":"failure"}` with reason and message. An error
 * before the first event is a plain answer with its status. A caller who goes away ends it.
 */
export async function sendEvents(response: ServerResponse, eventsOf: (signal: AbortSignal) => AsyncIterable<unknown>): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort(new StorageError('cancelled', 'the caller has gone')));
  const send = async (line: unknown): Promise<void> => {
    if (!response.headersSent)
      response.writeHead(200, { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store', Connection: 'close' });
    if (!response.write(`${JSON.stringify(line)}\n`)) await once(response, 'drain', { signal: gone.signal });
  };
  try {
    for await (const event of eventsOf(gone.signal)) await send(event);
    await send({ type: 'end' });
  } catch (thrown) {
    if (response.destroyed) return;
    const { reason, message } = asStorageError(thrown);
    if (!response.headersSent) return sendJson(response, errorAnswer(reason, message));
    response.write(`${JSON.stringify({ type: 'failure', reason, message })}\n`);
  }
  response.end();
}

/** Throws bad_argument for what is no id of OpenNebula; `what`: `a datastore`. */
export function idOf(text: string, what: string): number {
  if (!/^(?:0|[1-9]\d{0,8})$/u.test(text)) throw new StorageError('bad_argument', `'${text}' is not the id of ${what}`);
  return Number(text);
}
