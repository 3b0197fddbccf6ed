import type { OperationKind } from '../../runtime/operations/types.ts';
import { locate } from '../backends/file/places.ts';
import { removeVolume } from '../backends/file/remove.ts';
import type { AgentContext } from '../context.ts';
import { RemoveDiskInput } from './remove-disk.ts';
import { placeResources } from './volume-input.ts';

const RemoveImageInput = RemoveDiskInput;
type RemoveImageInput = RemoveDiskInput;

/** Removes an image with its snapshots and its checksum file: rm (contract 2.1). Gone already: success (contract 9, 7). */
export function removeImage(agent: AgentContext): OperationKind<RemoveImageInput, undefined> {
  return {
    name: 'image.remove',
    input: RemoveImageInput,
    resources: ({ target }) => placeResources(agent.datastores, target),
    async run(input, context) {
      await removeVolume(await locate(agent.datastores, input.target), 'image', context);
      return undefined;
    },
  };
}
