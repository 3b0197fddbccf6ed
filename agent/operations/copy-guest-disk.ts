import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { StorageError } from '../../runtime/errors.ts';
import type { OperationKind } from '../../runtime/operations/types.ts';
import { locate, PlaceInput } from '../backends/file/places.ts';
import { discard, flushDirectory, STAGE_PREFIX } from '../backends/file/stage.ts';
import { copyLive, undoCopy } from '../backends/live/copy.ts';
import type { AgentContext } from '../context.ts';
import { diskForUndo, diskOf, domainOf, GuestDiskInput, QuietInput, quietOf } from './guest-input.ts';
import { locateForUndo, placeResources } from './volume-input.ts';

const CopyGuestDiskInput = z.object({ disk: GuestDiskInput, target: PlaceInput, quiet: QuietInput });
type CopyGuestDiskInput = z.infer<typeof CopyGuestDiskInput>;

/** What a disk of a running guest holds, as a file beside it that is then transferred (cpds in LCM 26). */
export function copyGuestDisk(agent: AgentContext): OperationKind<CopyGuestDiskInput, undefined> {
  return {
    name: 'guest.disk.copy',
    input: CopyGuestDiskInput,
    resources: ({ disk, target }) => [
      ...placeResources(agent.datastores, disk.place),
      ...placeResources(agent.datastores, target),
      `domain:${disk.domain}`,
    ],
    async run({ disk, target, quiet }, context) {
      const found = await diskOf(agent, disk, context.operationId);
      const stage = await locate(agent.datastores, target);
      const suffix = `.${found.name}`;
      if (stage.directory !== found.directory || !stage.name.startsWith(STAGE_PREFIX) || !stage.name.endsWith(suffix)) {
        throw new StorageError(
          'bad_argument',
          `target is '${target.path}'; give ${STAGE_PREFIX}<word>${suffix} in the directory of the disk`,
        );
      }
      await context.step('copy', async () => {
        // Copies of this disk that nobody came to fetch: their operations have ended, because this one holds the disk.
        const left = (await readdir(found.directory)).filter((name) => name.startsWith(STAGE_PREFIX) && name.endsWith(`.saveas${suffix}`));
        for (const name of left) if (name !== stage.name) await discard(path.join(found.directory, name));
        await copyLive(domainOf(agent, disk), found, stage.path, quietOf(agent, quiet), context);
        await flushDirectory(stage.directory);
      });
      return undefined;
    },
    async undo({ disk, target }) {
      const [found, stage] = [await diskForUndo(agent, disk), await locateForUndo(agent.datastores, target)];
      if (found === undefined || stage === undefined || !stage.name.startsWith(STAGE_PREFIX)) return;
      await undoCopy(domainOf(agent, disk), found, stage.path);
      await discard(stage.path);
    },
  };
}
