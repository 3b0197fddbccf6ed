import type { ServerResponse } from 'node:http';
import type { Inspect } from '../inspection/events.ts';
import { idOf, sendEvents } from './events.ts';

/** POST /v1/datastores/<id>/inspection[?repair=1]. When the caller goes away, what is being moved is moved, and nothing after it. */
export async function serveInspection(inspect: Inspect, id: string, repair: boolean, response: ServerResponse): Promise<void> {
  await sendEvents(response, async function* (signal) {
    yield* inspect(idOf(id, 'a datastore'), { repair }, signal);
  });
}
