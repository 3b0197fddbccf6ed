import { z } from 'zod';
import { type Located, locate, PlaceInput } from '../backends/file/places.ts';
import type { SnapshotDisk } from '../backends/file/snapshots-layout.ts';
import { QUIET_MODES, type Quiet, type QuietMode } from '../backends/live/quiet.ts';
import type { AgentContext } from '../context.ts';
import type { Domain } from '../tools/virsh.ts';
import { locateForUndo } from './volume-input.ts';

/** A disk of a running guest. */
export const GuestDiskInput = z.object({ place: PlaceInput, format: z.enum(['raw', 'qcow2']), domain: z.string().min(1).max(200) });
export type GuestDiskInput = z.infer<typeof GuestDiskInput>;

export const QuietInput = z.enum(QUIET_MODES);

type Host = Pick<AgentContext, 'datastores' | 'stateDirectory' | 'libvirt'>;

export const DEFAULT_LIBVIRT = { uri: 'qemu:///system', freezeLimitMs: 60_000 } as const;

export function domainOf(agent: Host, { domain }: Pick<GuestDiskInput, 'domain'>): Domain {
  return { uri: (agent.libvirt ?? DEFAULT_LIBVIRT).uri, name: domain };
}

export function quietOf(agent: Host, mode: QuietMode): Quiet {
  return { mode, limitMs: (agent.libvirt ?? DEFAULT_LIBVIRT).freezeLimitMs, stateDirectory: agent.stateDirectory };
}

/** Throws outside_datastore. */
export async function diskOf(agent: Host, { place, format }: GuestDiskInput): Promise<SnapshotDisk> {
  return toDisk(await locate(agent.datastores, place), format);
}

/** undefined: run cannot have come to do anything. */
export async function diskForUndo(agent: Host, { place, format }: GuestDiskInput): Promise<SnapshotDisk | undefined> {
  const found = await locateForUndo(agent.datastores, place);
  return found === undefined ? undefined : toDisk(found, format);
}

function toDisk({ path, directory, name, root }: Located, format: 'raw' | 'qcow2'): SnapshotDisk {
  return { path, directory, name, root, format };
}
