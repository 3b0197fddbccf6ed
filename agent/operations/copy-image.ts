import { z } from 'zod';
import type { OperationKind } from '../../runtime/operations/types.ts';
import { copyImage as copy } from '../backends/file/copy-image.ts';
import { locate, PlaceInput } from '../backends/file/places.ts';
import { discard, stagePath } from '../backends/file/stage.ts';
import type { AgentContext, OperationResult } from '../context.ts';
import { locateForUndo, placeResources } from './volume-input.ts';

const copyImageInput = z.object({
  source: PlaceInput,
  target: PlaceInput,
  sourceFormat: z.enum(['raw', 'qcow2']).optional(),
  convertTo: z.enum(['raw', 'qcow2']).optional(),
  preallocate: z.boolean(),
});

export type CopyImageInput = z.infer<typeof copyImageInput>;

/** Makes a new image from another one (clone of an image). Result: format, virtual size. */
export function copyImage(agent: Pick<AgentContext, 'datastores'>): OperationKind<CopyImageInput, OperationResult> {
  return {
    name: 'image.copy',
    input: copyImageInput,
    resources: ({ source, target }) => [...placeResources(agent.datastores, source), ...placeResources(agent.datastores, target)],
    async run({ source, target, sourceFormat, convertTo, preallocate }, context) {
      const from = await locate(agent.datastores, source);
      return { ...(await copy(from, await locate(agent.datastores, target), { sourceFormat, convertTo, preallocate }, context)) };
    },
    async undo({ target }, context) {
      const made = await locateForUndo(agent.datastores, target);
      if (made !== undefined) await discard(stagePath(made.path, context.operationId));
    },
  };
}
