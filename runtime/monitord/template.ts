import { type Bytes, toMebibytes } from '../units.ts';

export interface SnapshotSize {
  readonly id: number;
  readonly allocated: Bytes;
}

/** What a disk takes where it lies. */
export interface DiskSizes {
  readonly id: number;
  /** The active file and all layers of its own below it; an image of another datastore is not the disk's. */
  readonly allocated: Bytes;
  readonly snapshots: readonly SnapshotSize[];
}

/** The disks of a virtual machine; never none. */
export interface VmSizes {
  readonly id: number;
  readonly disks: readonly DiskSizes[];
}

/** One virtual machine as OpenNebula reads it (contract 6.3): `VM = [ ID = 7, MONITOR = "<base64>" ]`, sizes in MiB, rounded up. */
export function vmLine({ id, disks }: VmSizes): string {
  const attributes = disks.flatMap((disk) => [
    `DISK_SIZE = [ ID=${disk.id}, SIZE=${toMebibytes(disk.allocated)} ]`,
    ...disk.snapshots.map(
      (snapshot) => `SNAPSHOT_SIZE = [ ID=${snapshot.id}, DISK_ID=${disk.id}, SIZE=${toMebibytes(snapshot.allocated)} ]`,
    ),
  ]);
  return `VM = [ ID = ${id}, MONITOR = "${Buffer.from(`${attributes.join('\n')}\n`).toString('base64')}" ]`;
}
