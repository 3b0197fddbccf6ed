import { z } from 'zod';
import type { OperationKind } from '../../runtime/operations/types.ts';
import { createVolume, undoCreateVolume } from '../backends/file/create.ts';
import { writeMarker } from '../backends/file/marker.ts';
import { locate } from '../backends/file/places.ts';
import type { AgentContext, OperationResult } from '../context.ts';
import { locateForUndo, newVolume, placeResources, VolumeInput } from './volume-input.ts';

const CreateDiskInput = VolumeInput.extend({ monitor: z.string().optional() });
type CreateDiskInput = z.infer<typeof CreateDiskInput>;

/** An empty volatile disk, also with a file system or swap: mkimage, mkswap (contract 2.2). */
export function createDisk(agent: AgentContext): OperationKind<CreateDiskInput, OperationResult> {
  return {
    name: 'disk.create',
    input: CreateDiskInput,
    resources: ({ target }) => placeResources(agent.datastores, target),
    async run(input, context) {
      const located = await locate(agent.datastores, input.target);
      await createVolume(located, newVolume(input), agent.hostName, context);
      const { monitor } = input;
      if (monitor !== undefined) await context.step('mark', () => writeMarker(located.root, monitor, context.operationId));
      return { format: input.format, sizeBytes: input.sizeBytes };
    },
    async undo(input, context) {
      const located = await locateForUndo(agent.datastores, input.target);
      if (located !== undefined) await undoCreateVolume(located, context.operationId);
    },
  };
}
