import type { Finding as WireFinding } from '../../proto/gen/onestorage/v1/Finding.ts';
import type { InspectRequest__Output } from '../../proto/gen/onestorage/v1/InspectRequest.ts';
import type { OperationEvent } from '../../proto/gen/onestorage/v1/OperationEvent.ts';
import type { QuarantineRequest__Output } from '../../proto/gen/onestorage/v1/QuarantineRequest.ts';
import { StorageError } from '../../runtime/errors.ts';
import type { AgentContext } from '../context.ts';
import { inspectDatastore } from '../operations/inspect-datastore.ts';
import { quarantine } from '../operations/quarantine.ts';
import { serveOperation } from './stream.ts';

/** What lies in a datastore and does not fit, and setting it aside. */
export function inspectionsService(agent: AgentContext) {
  return {
    Inspect: async (
      request: InspectRequest__Output,
      call: { readonly signal: AbortSignal },
      send: (finding: WireFinding) => Promise<void>,
    ): Promise<void> => {
      const { datastoreId, kind, known, elsewhere, moving } = request;
      if (kind !== 'image' && kind !== 'system') throw new StorageError('bad_argument', 'kind is image or system');
      for await (const { path, ...found } of inspectDatastore(agent, { datastoreId, kind, known, elsewhere, moving }, call.signal)) {
        await send({ ...found, place: { datastoreId, path } });
      }
    },
    Quarantine: async (
      request: QuarantineRequest__Output,
      call: { readonly signal: AbortSignal },
      send: (event: OperationEvent) => Promise<void>,
    ): Promise<void> => {
      if (request.place === null) throw new StorageError('bad_argument', 'place is missing');
      await serveOperation(agent, quarantine(agent), request.operation, { place: request.place }, call, send);
    },
  };
}
