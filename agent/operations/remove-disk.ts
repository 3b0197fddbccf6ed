import { z } from 'zod';
import type { OperationKind } from '../../runtime/operations/types.ts';
import { locate, PlaceInput } from '../backends/file/places.ts';
import { removeVolume } from '../backends/file/remove.ts';
import type { AgentContext } from '../context.ts';
import { placeResources } from './volume-input.ts';

export const RemoveDiskInput = z.object({ target: PlaceInput });
export type RemoveDiskInput = z.infer<typeof RemoveDiskInput>;

/** Removes a disk with its snapshots, a kernel, or a whole VM directory: delete (contract 2.2). */
export function removeDisk(agent: AgentContext): OperationKind<RemoveDiskInput, undefined> {
  return {
    name: 'disk.remove',
    input: RemoveDiskInput,
    resources: ({ target }) => placeResources(agent.datastores, target),
    async run(input, context) {
      await removeVolume(await locate(agent.datastores, input.target), 'disk', context);
      return undefined;
    },
  };
}
