import { z } from 'zod';
import type { OperationKind } from '../../runtime/operations/types.ts';
import { bytes } from '../../runtime/units.ts';
import { locate, PlaceInput } from '../backends/file/places.ts';
import { resizeVolume } from '../backends/file/resize.ts';
import type { AgentContext, OperationResult } from '../context.ts';
import { placeResources } from './volume-input.ts';

const ResizeDiskInput = z.object({
  target: PlaceInput,
  sizeBytes: z.number().int().positive(),
  format: z.enum(['raw', 'qcow2']),
  preallocate: z.boolean(),
});
type ResizeDiskInput = z.infer<typeof ResizeDiskInput>;

/** Grows a disk of a VM that is off (contract 2.2). Nothing to undo: a larger disk holds the same data. */
export function resizeDisk(agent: AgentContext): OperationKind<ResizeDiskInput, OperationResult> {
  return {
    name: 'disk.resize',
    input: ResizeDiskInput,
    resources: ({ target }) => placeResources(agent.datastores, target),
    async run(input, context) {
      const located = await locate(agent.datastores, input.target);
      const growth = { size: bytes(input.sizeBytes), format: input.format, preallocate: input.preallocate };
      await resizeVolume(located, growth, agent.hostName, context);
      return { format: input.format, sizeBytes: input.sizeBytes };
    },
  };
}
