import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Datastore } from '../../lab/opennebula/model.ts';
import { Backups } from './backups.ts';
import { type LiveSite, type RunningVm, startLiveSite, startVm } from './live-site.ts';
import { tool } from './tools.ts';

/** The backup datastore that the VM's document names. */
export const BACKUPS = {
  id: 104,
  name: 'backups',
  type: 3,
  dsMad: 'agent_restic',
  tmMad: '-',
  basePath: '/var/lib/one/datastores/104',
  template: {},
} as const satisfies Datastore;

/** A guest that runs, and what is backed up of it. */
export interface BackedUpVm {
  readonly site: LiveSite;
  readonly vm: RunningVm;
  readonly backups: Backups;
  /** Where backups are staged: a file system of its own, which can be full. */
  readonly base: string;
  stop(): Promise<void>;
}

/** `disks`: ids of those that are backed up by default. */
export async function startBackedUpVm(
  disks: readonly number[],
  { sizeMib, template }: { readonly sizeMib: number; readonly template: Readonly<Record<string, string>> },
): Promise<BackedUpVm> {
  const base = await mkdtemp(path.join(os.tmpdir(), 'onestorage-backups-'));
  await tool('mount', ['-t', 'tmpfs', '-o', `size=${sizeMib}M`, 'tmpfs', base]);
  const site = await startLiveSite({ agentOptions: { backup_base_path: base } });
  site.cluster.one.model.datastores.set(BACKUPS.id, { ...BACKUPS, template });
  const vm = await startVm(site, 9);
  const stop = async (): Promise<void> => {
    await site.stop();
    await tool('umount', [base]);
    await rm(base, { recursive: true });
  };
  return { site, vm, base, backups: new Backups(site, vm, disks, 'CBT', base), stop };
}
