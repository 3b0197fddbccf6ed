import { lstat, mkdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { OperationKind } from '../../runtime/operations/types.ts';
import { QUARANTINE } from '../backends/file/inspect.ts';
import { locate, PlaceInput } from '../backends/file/places.ts';
import { flushDirectory } from '../backends/file/stage.ts';
import type { AgentContext, OperationResult } from '../context.ts';

export const QuarantineInput = z.object({ place: PlaceInput });

/**
 * Sets a file or directory aside, to `.quarantine/<operation id>/<path>` of its datastore: out of the way of everything, and still there. Not
 * there: `not_found`, or success when this operation moved it.
 */
export function quarantine(agent: AgentContext): OperationKind<z.infer<typeof QuarantineInput>, OperationResult> {
  return {
    name: 'inspection.quarantine',
    input: QuarantineInput,
    resources: ({ place }) => [`path:${path.join(agent.datastores, String(place.datastoreId), place.path)}`],
    run: async ({ place }, context) => {
      const found = await locate(agent.datastores, place);
      if (found.path.startsWith(path.join(found.root, QUARANTINE))) throw new StorageError('bad_argument', `${place.path} is set aside already`);
      const aside = path.join(found.root, QUARANTINE, context.operationId, place.path);
      context.commit();
      await context.step('move', async () => {
        if (await exists(aside)) return;
        await mkdir(path.dirname(aside), { recursive: true, mode: 0o700 });
        await rename(found.path, aside).catch((thrown: unknown) => {
          throw asStorageError(thrown, 'set aside');
        });
        await flushDirectory(path.dirname(aside));
        await flushDirectory(found.directory);
      });
      context.log('info', `set aside as ${aside}`);
      return {};
    },
  };
}

async function exists(file: string): Promise<boolean> {
  return (await lstat(file).catch(() => undefined)) !== undefined;
}
