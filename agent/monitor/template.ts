import { toMebibytes } from '../../runtime/units.ts';
import type { VmSizes } from './vm-sizes.ts';

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
