import { expect, it } from 'vitest';
import { machineOf } from '../../../controller/backups/boot.ts';
import type { ListBackupRequest } from '../../../proto/gen/onestorage/v1/ListBackupRequest.ts';
import { listing } from '../flows/backup-documents.ts';

const disk = (id: number, target: string): string => `<DISK><DISK_ID>${id}</DISK_ID><TARGET>${target}</TARGET></DISK>`;
const DISKS = `${disk(0, 'sda')}${disk(1, 'vda')}${disk(2, 'vdb')}${disk(5, 'hdb')}`;
const machine = (template: string) =>
  machineOf(20, listing([], `<VM><TEMPLATE>${template}${DISKS}</TEMPLATE></VM>`)({ chain: null } as ListBackupRequest));

it('is like the machine that was backed up, with the disks that the backup has, and no more memory than it takes to boot', () => {
  const disks = [
    { diskId: 0, bus: 'scsi' },
    { diskId: 1, bus: 'virtio' },
    { diskId: 5, bus: 'ide' },
  ];
  expect(machine('<MEMORY>512</MEMORY>')).toEqual({ disks, memoryBytes: 512 * 1024 ** 2, machine: 'pc' });
  const other = machine('<MEMORY>65536</MEMORY><OS><BOOT>disk1,nic0</BOOT><MACHINE>pc-q35-7.2</MACHINE><FIRMWARE>BIOS</FIRMWARE></OS>');
  expect(other).toMatchObject({ memoryBytes: 1024 ** 3, machine: 'q35' });
  expect(other.disks.map(({ diskId }) => diskId)).toEqual([1, 0, 5]);
});

it.each([
  ['<OS><KERNEL>/boot/vmlinuz</KERNEL></OS>', 'boots a kernel that is not on its disks'],
  ['<OS><FIRMWARE>/usr/share/OVMF/OVMF_CODE.fd</FIRMWARE></OS>', 'boots by UEFI (/usr/share/OVMF/OVMF_CODE.fd)'],
  ['<OS><ARCH>aarch64</ARCH></OS>', 'is of the architecture aarch64'],
])('refuses %s', (template, text) => {
  expect(() => machine(template)).toThrow(`backup 20 cannot be booted here: its VM ${text}`);
});
