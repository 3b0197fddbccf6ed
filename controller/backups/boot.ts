import type { BootBackupRequest } from '../../proto/gen/onestorage/v1/BootBackupRequest.ts';
import type { ListBackupResponse__Output } from '../../proto/gen/onestorage/v1/ListBackupResponse.ts';
import { oneLine, StorageError } from '../../runtime/errors.ts';
import { child, numberOf, textOf } from '../opennebula/pick.ts';
import { readXml, type XmlElement } from '../opennebula/xml.ts';
import { disksOf, vmDisks } from './chain.ts';

type Machine = Required<Pick<BootBackupRequest, 'disks' | 'memoryBytes' | 'machine'>>;

const MIB = 1024 ** 2;
/** A guest that only has to come up needs no more, and the host that boots it has other work. */
const MOST_MEMORY_MIB = 1024;
const LEAST_MEMORY_MIB = 64;
const BUSES: Readonly<Record<string, string>> = { vd: 'virtio', sd: 'scsi' };

/** A machine like the one that was backed up, as far as it takes to boot. Throws unsupported for what no backup holds, or is not emulated. */
export function machineOf(imageId: number, listing: Pick<ListBackupResponse__Output, 'files' | 'vmXml'>): Machine {
  const ids = [...disksOf(listing).keys()];
  if (listing.vmXml === '' || ids.length === 0) throw new StorageError('not_found', `backup ${imageId} has no vm.xml, or no disk`);
  const vm = readXml(listing.vmXml, `vm.xml of backup ${imageId}`);
  const template = child(vm, 'TEMPLATE');
  const os = child(template, 'OS');
  mustBootByItself(imageId, os);
  const disks = vmDisks(vm).filter((disk) => ids.includes(numberOf(disk, 'DISK_ID') ?? -1));
  const first = /disk(\d+)/u.exec(textOf(os, 'BOOT') ?? '')?.[1];
  const ordered = disks.toSorted((a, b) => rank(a, first) - rank(b, first));
  const memory = Math.min(Math.max(numberOf(template, 'MEMORY') ?? MOST_MEMORY_MIB, LEAST_MEMORY_MIB), MOST_MEMORY_MIB);
  return {
    disks: ordered.map((disk) => ({
      diskId: numberOf(disk, 'DISK_ID') ?? 0,
      bus: BUSES[(textOf(disk, 'TARGET') ?? '').slice(0, 2)] ?? 'ide',
    })),
    memoryBytes: memory * MIB,
    machine: /q35/u.test(textOf(os, 'MACHINE') ?? '') ? 'q35' : 'pc',
  };
}

function rank(disk: XmlElement, first: string | undefined): number {
  const id = numberOf(disk, 'DISK_ID') ?? 0;
  return String(id) === first ? -1 : id;
}

function mustBootByItself(imageId: number, os: XmlElement | undefined): void {
  const cannot = (why: string): StorageError => new StorageError('unsupported', `backup ${imageId} cannot be booted here: its VM ${why}`);
  if (textOf(os, 'KERNEL') !== undefined || textOf(os, 'KERNEL_DS') !== undefined) throw cannot('boots a kernel that is not on its disks');
  const firmware = textOf(os, 'FIRMWARE') ?? 'BIOS';
  if (firmware.toUpperCase() !== 'BIOS') throw cannot(`boots by UEFI (${oneLine(firmware).slice(0, 100)})`);
  const arch = textOf(os, 'ARCH') ?? 'x86_64';
  if (!/^(?:x86_64|i[3-6]86)$/u.test(arch)) throw cannot(`is of the architecture ${oneLine(arch).slice(0, 20)}`);
}
