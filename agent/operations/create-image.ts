import type { OperationKind } from '../../runtime/operations/types.ts';
import { createVolume, undoCreateVolume } from '../backends/file/create.ts';
import { locate } from '../backends/file/places.ts';
import type { AgentContext, OperationResult } from '../context.ts';
import { locateForUndo, newVolume, placeResources, VolumeInput } from './volume-input.ts';

const CreateImageInput = VolumeInput;
type CreateImageInput = VolumeInput;

/** An empty image in an image datastore: mkfs (contract 2.1). */
export function createImage(agent: AgentContext): OperationKind<CreateImageInput, OperationResult> {
  return {
    name: 'image.create',
    input: CreateImageInput,
    resources: ({ target }) => placeResources(agent.datastores, target),
    async run(input, context) {
      const located = await locate(agent.datastores, input.target);
      await createVolume(located, newVolume(input), agent.hostName, context);
      return { format: input.format, sizeBytes: input.sizeBytes };
    },
    async undo(input, context) {
      const located = await locateForUndo(agent.datastores, input.target);
      if (located !== undefined) await undoCreateVolume(located, context.operationId);
    },
  };
}
