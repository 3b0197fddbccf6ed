import { z } from 'zod';
import { type Located, locate, PlaceInput } from '../backends/file/places.ts';
import type { SnapshotDisk } from '../backends/file/snapshots-layout.ts';
import { settleDisk } from '../backends/live/migration-names.ts';
import { QUIET_MODES, type Quiet, type QuietMode } from '../backends/live/quiet.ts';
import { type AgentContext, libvirtOf } from '../context.ts';
import type { Domain } from '../tools/virsh.ts';
import { locateForUndo } from './volume-input.ts';

/** A disk of a running guest. */
export const GuestDiskInput = z.object({ place: PlaceInput, format: z.enum(['raw', 'qcow2']), domain: z.string().min(1).max(200) });
export type GuestDiskInput = z.infer<typeof GuestDiskInput>;

export const QuietInput = z.enum(QUIET_MODES);

type Host = Pick<AgentContext, 'datastores' | 'stateDirectory' | 'libvirt'>;

export function domainOf(agent: Pick<AgentContext, 'libvirt'>, { domain }: Pick<GuestDiskInput, 'domain'>): Domain {
  return { uri: libvirtOf(agent).uri, name: domain };
}

export function quietOf(agent: Host, mode: QuietMode): Quiet {
  return { mode, limitMs: libvirtOf(agent).freezeLimitMs, stateDirectory: agent.stateDirectory };
}

/** With its usual names: a migration that nobody ended may have changed them. Throws outside_datastore. */
export async function diskOf(agent: Host, { place, format }: GuestDiskInput, operationId: string): Promise<SnapshotDisk> {
  const found = await locate(agent.datastores, place);
  await settleDisk(found, operationId);
  return toDisk(found, format);
}

/** undefined: run cannot have come to do anything. */
export async function diskForUndo(agent: Host, { place, format }: GuestDiskInput): Promise<SnapshotDisk | undefined> {
  const found = await locateForUndo(agent.datastores, place);
  return found === undefined ? undefined : toDisk(found, format);
}

function toDisk({ path, directory, name, root }: Located, format: 'raw' | 'qcow2'): SnapshotDisk {
  return { path, directory, name, root, format };
}
