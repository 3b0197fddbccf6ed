import type { CancelOperationRequest__Output } from '../../proto/gen/onestorage/v1/CancelOperationRequest.ts';
import type { CancelOperationResponse } from '../../proto/gen/onestorage/v1/CancelOperationResponse.ts';
import type { GetOperationRequest__Output } from '../../proto/gen/onestorage/v1/GetOperationRequest.ts';
import type { ListOperationsRequest__Output } from '../../proto/gen/onestorage/v1/ListOperationsRequest.ts';
import type { ListOperationsResponse } from '../../proto/gen/onestorage/v1/ListOperationsResponse.ts';
import type { OperationEvent } from '../../proto/gen/onestorage/v1/OperationEvent.ts';
import type { OperationRecord as WireRecord } from '../../proto/gen/onestorage/v1/OperationRecord.ts';
import type { WatchOperationRequest__Output } from '../../proto/gen/onestorage/v1/WatchOperationRequest.ts';
import { oneLine, StorageError } from '../../runtime/errors.ts';
import type { OperationRecord } from '../../runtime/operations/types.ts';
import type { AgentContext } from '../context.ts';
import { sendEvents } from './stream.ts';

const DEFAULT_LIMIT = 100;

function toWire(record: OperationRecord): WireRecord {
  return {
    operationId: record.id,
    kind: record.kind,
    subject: record.subject,
    state: record.state,
    attempt: record.attempt,
    committed: record.committed,
    step: record.step ?? '',
    ...(record.progress === undefined ? {} : { progress: record.progress }),
    figures: record.figures,
    createdUnixMs: record.createdAt,
    finishedUnixMs: record.finishedAt ?? 0,
    ...(record.failure === undefined ? {} : { failure: record.failure }),
  };
}

/** Look at, follow and cancel the operations of this agent. */
export function operationsService(agent: AgentContext) {
  const missing = (id: string): StorageError => new StorageError('not_found', `${agent.hostName} knows no operation ${oneLine(id)}`);
  return {
    List: async (request: ListOperationsRequest__Output): Promise<ListOperationsResponse> => ({
      operations: agent.operations.list({ all: request.all, limit: request.limit || DEFAULT_LIMIT }).map(toWire),
    }),
    Get: async (request: GetOperationRequest__Output): Promise<WireRecord> => {
      const record = agent.operations.get(request.operationId);
      if (record === undefined) throw missing(request.operationId);
      return toWire(record);
    },
    Watch: async (
      request: WatchOperationRequest__Output,
      call: { readonly signal: AbortSignal },
      send: (event: OperationEvent) => Promise<void>,
    ): Promise<void> => {
      const handle = agent.operations.watch(request.operationId);
      if (handle === undefined) throw missing(request.operationId);
      await sendEvents(handle, call.signal, send);
    },
    Cancel: async (request: CancelOperationRequest__Output): Promise<CancelOperationResponse> => {
      const why = oneLine(request.reason);
      return { cancelling: agent.operations.cancel(request.operationId, new StorageError('cancelled', why === '' ? 'cancelled' : why)) };
    },
  };
}
