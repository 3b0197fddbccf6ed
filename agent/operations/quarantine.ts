import { mkdir, realpath, rename } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { OperationKind } from '../../runtime/operations/types.ts';
import { QUARANTINE } from '../backends/file/inspect.ts';
import { lstatOrNothing } from '../backends/file/look.ts';
import { openedBy } from '../backends/file/open-files.ts';
import { type Located, locate, PlaceInput } from '../backends/file/places.ts';
import { flushDirectory } from '../backends/file/stage.ts';
import type { AgentContext, OperationResult } from '../context.ts';
import { placeResources } from './volume-input.ts';

const QuarantineInput = z.object({ place: PlaceInput });

/**
 * Sets a file or directory aside, to `.quarantine/<operation id>/<path>` of its datastore: out of the way of everything, and still there. Not
 * there: `not_found`, or success when this operation moved it. Open in a process of this host: `in_use`.
 */
export function quarantine(
  agent: Pick<AgentContext, 'datastores' | 'hostName'>,
): OperationKind<z.infer<typeof QuarantineInput>, OperationResult> {
  return {
    name: 'inspection.quarantine',
    input: QuarantineInput,
    resources: ({ place }) => placeResources(agent.datastores, place),
    run: async ({ place }, context) => {
      const found = await locate(agent.datastores, place);
      if (place.path.split('/')[0] === QUARANTINE) throw new StorageError('bad_argument', `${place.path} is set aside already`);
      const aside = asideOf(found, context.operationId);
      await context.step('move', async () => {
        // An attempt before this one renamed it.
        if ((await lstatOrNothing(aside)) !== undefined) return;
        if ((await lstatOrNothing(found.path)) === undefined) {
          throw new StorageError('not_found', `${place.path} is not in datastore ${place.datastoreId} on ${agent.hostName} any more`);
        }
        const user = await openedBy(path.join(await realpath(found.directory), found.name));
        if (user !== undefined)
          throw new StorageError('in_use', `process ${user.pid} of ${agent.hostName} has ${user.file} open: it stays`);
        context.commit();
        await setInQuarantine(found, context.operationId);
      });
      context.log('info', `set aside as ${aside}`);
      return {};
    },
  };
}

/** Where it is set aside: `.quarantine/<operation id>/<path>` of its datastore. */
function asideOf({ root, path: file }: Pick<Located, 'root' | 'path'>, operationId: string): string {
  return path.join(root, QUARANTINE, operationId, path.relative(root, file));
}

/** From the rename on it is done; there is nothing to take back before it but empty directories. */
export async function setInQuarantine(found: Pick<Located, 'root' | 'path'>, operationId: string): Promise<void> {
  const [from, to, quarantineRoot] = [found.path, asideOf(found, operationId), path.join(found.root, QUARANTINE)];
  try {
    await mkdir(path.dirname(to), { recursive: true, mode: 0o700 });
    await rename(from, to);
  } catch (thrown) {
    throw asStorageError(thrown, 'set aside');
  }
  for (let directory = path.dirname(to); directory !== path.dirname(quarantineRoot); directory = path.dirname(directory)) {
    await flushDirectory(directory);
  }
  await flushDirectory(path.dirname(quarantineRoot));
  await flushDirectory(path.dirname(from));
}
