import { z } from 'zod';
import type { OperationKind } from '../../runtime/operations/types.ts';
import { createLiveSnapshot, undoLiveSnapshot } from '../backends/live/snapshot-create.ts';
import type { AgentContext } from '../context.ts';
import { diskForUndo, diskOf, domainOf, GuestDiskInput, QuietInput, quietOf } from './guest-input.ts';
import { MAX_SNAPSHOT_ID } from './snapshot-kind.ts';
import { placeResources } from './volume-input.ts';

export const GuestSnapshotInput = z.object({
  disk: GuestDiskInput,
  snapshotId: z.number().int().min(0).max(MAX_SNAPSHOT_ID),
  quiet: QuietInput,
});
export type GuestSnapshotInput = z.infer<typeof GuestSnapshotInput>;

/** Snapshot of a disk of a running guest (snap_create_live). */
export function createGuestSnapshot(agent: AgentContext): OperationKind<GuestSnapshotInput, undefined> {
  return {
    name: 'guest.snapshot.create',
    input: GuestSnapshotInput,
    resources: ({ disk }) => [...placeResources(agent.datastores, disk.place), `domain:${disk.domain}`],
    async run({ disk, snapshotId, quiet }, context) {
      await createLiveSnapshot(
        domainOf(agent, disk),
        await diskOf(agent, disk, context.operationId),
        snapshotId,
        quietOf(agent, quiet),
        context,
      );
      return undefined;
    },
    async undo({ disk, snapshotId }, context) {
      const found = await diskForUndo(agent, disk);
      if (found !== undefined) await undoLiveSnapshot(domainOf(agent, disk), found, snapshotId, context);
    },
  };
}
