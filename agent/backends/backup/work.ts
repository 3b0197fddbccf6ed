import { stat } from 'node:fs/promises';
import type { Domain } from '../../tools/virsh.ts';
import { keepsBitmaps } from '../file/bitmaps.ts';
import type { Layer } from '../file/chain.ts';
import type { SnapshotDisk } from '../file/snapshots-layout.ts';
import type { Quiet } from '../live/quiet.ts';
import type { Staging } from './staging.ts';

/** How the next increment will know what changed. none: there is to be none, the backup stands alone. */
export const TRACKING = ['none', 'bitmap'] as const;
export type Tracking = (typeof TRACKING)[number];

export interface BackupDisk extends SnapshotDisk {
  readonly id: number;
}

/** One backup of a VM. */
export interface BackupWork {
  readonly vmId: number;
  readonly disks: readonly BackupDisk[];
  /** 0: everything. Above: what changed since the one before. */
  readonly increment: number;
  readonly tracking: Tracking;
  readonly staging: Staging;
  /** 0: no limit. */
  readonly bytesPerSecond: number;
}

export interface LiveBackupWork extends BackupWork {
  readonly domain: Domain;
  readonly quiet: Quiet;
}

/** Of the checkpoint and its bitmaps; the names of the stock drivers, so that a chain goes on whoever began it (contract 7.3). */
export const checkpointName = (vmId: number, increment: number): string => `one-${vmId}-${increment}`;

/** A checkpoint of this VM's backups, by its name. */
export const isCheckpoint = (vmId: number, name: string): boolean => new RegExp(`^one-${vmId}-\\d+$`, 'u').test(name);

/** The checkpoint that an increment begins at; undefined: it begins a chain. OpenNebula has stored what it was made for. */
export function parentOf({ vmId, increment, tracking }: BackupWork): string | undefined {
  return tracking === 'bitmap' && increment > 0 ? checkpointName(vmId, increment - 1) : undefined;
}

/** The file whose bitmap tells what changes of a disk; undefined: it can have none, and every increment holds all of it. */
export async function trackedFile(
  disk: BackupDisk,
  active: string,
  log: (level: 'warn', text: string) => void,
): Promise<string | undefined> {
  if (disk.format === 'raw') return undefined;
  if (await keepsBitmaps(active)) return active;
  log('warn', `${disk.name} is qcow2 of the old version (compat=0.10), which has no bitmaps: each increment holds all of it`);
  return undefined;
}

/** Bytes that the files of a disk take: a copy of all it holds takes no more, but for tables. */
export async function allocated(layers: readonly Layer[]): Promise<number> {
  const sizes = await Promise.all(layers.map(({ path }) => stat(path)));
  const sum = sizes.reduce((total, { blocks }) => total + blocks * 512, 0);
  return Math.min(sum, layers[0]?.virtualSize ?? sum);
}

/** What an image of that size needs beside its data, at most. */
export const tables = (virtualSize: number): number => Math.ceil(virtualSize / 8192) + 1024 * 1024;

export function lostChain(why: string): string {
  return `the chain of increments is lost (${why}): this one holds everything, and the next ones go on from it`;
}
