import { StorageError } from '../../runtime/errors.ts';
import type { OperationRecord } from '../../runtime/operations/types.ts';
import { askController, field } from './controller-socket.ts';
import type { Listing } from './look.ts';
import { operationTable, WHOLE_ID } from './ops-table.ts';
import { Rates } from './rates.ts';

/** Those under way; with `all` the newest 200, ended ones too. */
export async function operationsOf(socket: string, all: boolean): Promise<readonly OperationRecord[]> {
  const body = await askController(socket, 'GET', `/v1/operations${all ? '?all=1' : ''}`);
  return (field(body, 'operations') ?? []) as readonly OperationRecord[];
}

/** A listing of operations; each picture of it knows the one before, and so the rate of the last seconds. */
export function operationListing(read: () => Promise<readonly OperationRecord[]>, empty?: string): Listing<readonly OperationRecord[]> {
  const rates = new Rates();
  const draw = (records: readonly OperationRecord[]): string => {
    const now = Date.now();
    rates.look(records, now);
    return operationTable(records, now, rates, empty);
  };
  return { read, draw, isFine: () => true };
}

/**
 * The id that somebody means: the whole one, or its beginning, as tables show it. Of a step on a host, `<id>.<step>`, the step stays.
 * Throws not_found, bad_argument when several begin so.
 */
export async function operationId(socket: string, text: string): Promise<string> {
  const [beginning = '', ...step] = text.split('.');
  if (WHOLE_ID.test(beginning)) return text;
  const ids = (await operationsOf(socket, true)).map(({ id }) => id).filter((id) => beginning !== '' && id.startsWith(beginning));
  if (ids.length > 1)
    throw new StorageError('bad_argument', `${ids.length} operations begin with ${beginning}: ${ids.slice(0, 3).join(', ')}`);
  const [id] = ids;
  if (id === undefined)
    throw new StorageError('not_found', `no operation is or begins with '${text}': onestorage ops list --all shows the newest`);
  return [id, ...step].join('.');
}
