import { z } from 'zod';
import type { OperationContext, OperationKind } from '../../runtime/operations/types.ts';
import { locate, PlaceInput } from '../backends/file/places.ts';
import type { SnapshotDisk } from '../backends/file/snapshots-layout.ts';
import { undoSnapshotWork } from '../backends/file/snapshots-undo.ts';
import { settleDisk } from '../backends/live/migration-names.ts';
import type { AgentContext } from '../context.ts';
import { locateForUndo, placeResources } from './volume-input.ts';

/** Layer id + 1 must be a number too. */
export const MAX_SNAPSHOT_ID = 999_999_998;

const snapshotRequestInput = z.object({
  disk: PlaceInput,
  snapshotId: z.number().int().min(0).max(MAX_SNAPSHOT_ID),
  format: z.enum(['raw', 'qcow2']),
});

export type SnapshotRequestInput = z.infer<typeof snapshotRequestInput>;

/** What is common to all work on one disk and one of its snapshots. */
export function snapshotKind(
  agent: Pick<AgentContext, 'datastores'>,
  name: string,
  work: (disk: SnapshotDisk, snapshotId: number, context: OperationContext) => Promise<void>,
): OperationKind<SnapshotRequestInput, undefined> {
  return {
    name,
    input: snapshotRequestInput,
    resources: (input) => placeResources(agent.datastores, input.disk),
    async run(input, context) {
      const { path: file, directory, name: base, root } = await locate(agent.datastores, input.disk);
      await settleDisk({ path: file, directory, name: base }, context.operationId);
      await work({ path: file, directory, name: base, root, format: input.format }, input.snapshotId, context);
      return undefined;
    },
    async undo(input, context) {
      const disk = await locateForUndo(agent.datastores, input.disk);
      if (disk !== undefined) await undoSnapshotWork(disk, context.operationId);
    },
  };
}
