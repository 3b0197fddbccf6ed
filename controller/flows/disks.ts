import { basename } from 'node:path';
import { StorageError } from '../../runtime/errors.ts';
import type { VmDisk, VmDocument } from '../opennebula/vm-document.ts';

/** `…/disk.3` → 3; undefined: a directory, a kernel, an initrd. */
export function diskIdOf(path: string): number | undefined {
  const found = /^disk\.([0-9]{1,9})$/.exec(basename(path));
  return found === null ? undefined : Number(found[1]);
}

/** The disk that a path means. Throws bad_argument for another path, not_found when the VM has no such disk. */
export function diskOf(vm: VmDocument, path: string): VmDisk {
  const id = diskIdOf(path);
  if (id === undefined) throw new StorageError('bad_argument', `${path} is not a disk: …/disk.<number> expected`);
  const disk = vm.disks.find((one) => one.diskId === id);
  if (disk === undefined) throw new StorageError('not_found', `VM ${vm.id} has no disk ${id} in OpenNebula`);
  return disk;
}

/** raw or qcow2 as OpenNebula has it, never probed; empty for a CDROM. Throws bad_document. */
export function formatOfDisk(vm: VmDocument, disk: VmDisk): string {
  if (disk.cdrom) return '';
  if (disk.format !== undefined) return disk.format;
  const given = disk.attributes.get('FORMAT') ?? disk.attributes.get('DRIVER') ?? '';
  throw new StorageError(
    'bad_document',
    `disk ${disk.diskId} of VM ${vm.id} has the format ${JSON.stringify(given)}; only raw and qcow2 are supported`,
  );
}
