import type { ServerResponse } from 'node:http';
import { type Reason, StorageError } from '../../runtime/errors.ts';
import { httpStatus, KEY } from './actions.ts';
import type { ActionHandler } from './handler.ts';
import type { Tombstones } from './tombstones.ts';

export interface JsonAnswer {
  readonly status: number;
  readonly body: unknown;
}

export function sendJson(response: ServerResponse, { status, body }: JsonAnswer): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', Connection: 'close' });
  response.end(`${JSON.stringify(body)}\n`);
}

export function errorAnswer(reason: Reason, message: string): JsonAnswer {
  const error = new StorageError(reason, message);
  return { status: httpStatus(error), body: { error: { reason: error.reason, message: error.message } } };
}

function cancel(handler: ActionHandler, tombstones: Tombstones, id: string): JsonAnswer {
  if (handler.cancel(id, 'cancelled by the caller')) return { status: 200, body: { id, cancelled: true } };
  const record = handler.get(id);
  if (record !== undefined) {
    const why = record.finishedAt === undefined ? 'is past the point where it can be taken back' : `has ended (${record.state})`;
    return errorAnswer('conflict', `operation ${id} ${why}`);
  }
  tombstones.add(id);
  return errorAnswer('not_found', `there is no operation ${id}`);
}

/** GET /v1/operations[?all=1]. */
export function listOperations(handler: ActionHandler, method: string, all: boolean): JsonAnswer {
  if (method !== 'GET') return errorAnswer('bad_argument', 'the list of operations can only be read');
  return { status: 200, body: { operations: handler.list(all) } };
}

/** GET and DELETE /v1/operations/<id>. A DELETE that is refused because it is too late answers 409. */
export function oneOperation(handler: ActionHandler, tombstones: Tombstones, method: string, id: string): JsonAnswer {
  if (!KEY.test(id)) return errorAnswer('bad_argument', `${id.slice(0, 80)} is not the id of an operation`);
  if (method === 'DELETE') return cancel(handler, tombstones, id);
  if (method !== 'GET') return errorAnswer('bad_argument', 'an operation can be read (GET) or cancelled (DELETE)');
  const record = handler.get(id);
  return record === undefined ? errorAnswer('not_found', `there is no operation ${id}`) : { status: 200, body: record };
}
