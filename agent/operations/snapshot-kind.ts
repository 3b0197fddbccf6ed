import path from 'node:path';
import { z } from 'zod';
import type { OperationContext, OperationKind, Resource } from '../../runtime/operations/types.ts';
import { datastoreRoot, locate, PlaceInput, type PlaceOf } from '../backends/file/places.ts';
import type { SnapshotDisk } from '../backends/file/snapshots-layout.ts';
import { undoSnapshotWork } from '../backends/file/snapshots-undo.ts';
import type { AgentContext } from '../context.ts';

/** Layer id + 1 must be a number too. */
export const MAX_SNAPSHOT_ID = 999_999_998;

export const snapshotRequestInput = z.object({
  disk: PlaceInput,
  snapshotId: z.number().int().min(0).max(MAX_SNAPSHOT_ID),
  format: z.enum(['raw', 'qcow2']),
});

export type SnapshotRequestInput = z.infer<typeof snapshotRequestInput>;

/** A disk or image and its snapshots. */
export function diskResources(datastores: string, place: PlaceOf): readonly Resource[] {
  const disk = path.join(datastoreRoot(datastores, place.datastoreId), place.path);
  return [`path:${disk}`, `path:${disk}.snap`];
}

/** What is common to all work on one disk and one of its snapshots. */
export function snapshotKind(
  agent: Pick<AgentContext, 'datastores'>,
  name: string,
  work: (disk: SnapshotDisk, snapshotId: number, context: OperationContext) => Promise<void>,
): OperationKind<SnapshotRequestInput, undefined> {
  return {
    name,
    input: snapshotRequestInput,
    resources: (input) => diskResources(agent.datastores, input.disk),
    async run(input, context) {
      const { path: file, directory, name: base, root } = await locate(agent.datastores, input.disk);
      await work({ path: file, directory, name: base, root, format: input.format }, input.snapshotId, context);
      return undefined;
    },
    async undo(input, context) {
      await undoSnapshotWork(await locate(agent.datastores, input.disk), context.operationId);
    },
  };
}
