import type { Command } from 'commander';
import { formatBytes } from '../../runtime/units.ts';
import type { DiskLook, VmLook } from '../looks/vms.ts';
import { alarm } from './colours.ts';
import { askController, field } from './controller-socket.ts';
import { idOf, type ListOptions, list, listCommand } from './look.ts';
import { table } from './table.ts';

const HELP = `
Without an id: all machines on system datastores with a driver of onestorage. With one: its disks, each with what its own
file holds on the host, without the layers below.

Exit status: 0 done; 1 there is no such machine, or the directory of one is not where it should be; 2 the controller or
OpenNebula could not be asked.

Examples:
  onestorage vms
  onestorage vms --watch
  onestorage vms 9
  onestorage vms 9 --json`;

/** `onestorage vms [ID]`. */
export function vmsCommand(): Command {
  return listCommand('vms', 'virtual machines: where their directories are, and their disks', HELP)
    .argument('[id]', 'only this machine, with all its disks', idOf('a virtual machine'))
    .action((id: number | undefined, { socket, ...options }: ListOptions) =>
      list(options, {
        read: async () => {
          const path = `/v1/vms${id === undefined ? '' : `/${id}`}`;
          return (field(await askController(socket, 'GET', path), 'vms') ?? []) as readonly VmLook[];
        },
        draw: (vms) => (id === undefined ? vmTable(vms) : vms.map(vmText).join('') || `VM ${id} was never deployed: it has no directory\n`),
        isFine: (vms) => !vms.some(isMissing),
      }),
    );
}

/** Of a machine on its way the directory may be anywhere. */
function isMissing({ present, state }: VmLook): boolean {
  return present === false && ['RUNNING', 'POWEROFF', 'SUSPENDED', 'STOPPED', 'UNDEPLOYED'].includes(state);
}

export function vmTable(vms: readonly VmLook[]): string {
  if (vms.length === 0) return 'there is no virtual machine on a datastore of onestorage\n';
  const head = ['ID', 'NAME', 'STATE', 'HOST', 'DISKS', 'SIZE', 'DIRECTORY'];
  const rows = vms.map((vm) => {
    const size = vm.disks.reduce((sum, { sizeBytes = 0 }) => sum + sizeBytes, 0);
    const formats = [...new Set(vm.disks.map(({ format }) => format).filter(Boolean))].join(',');
    return [String(vm.id), vm.name, vm.state, vm.host, `${vm.disks.length} ${formats}`.trim(), formatBytes(size), whereText(vm)];
  });
  return table([head, ...rows]);
}

export function vmText(vm: VmLook): string {
  const head = ['DISK', 'FORMAT', 'TYPE', 'SIZE', 'ON DISK', 'SNAPSHOTS', 'IMAGE'];
  const facts = [
    ['machine', `${vm.id} ${vm.name}`],
    ['state', vm.state],
    ['host', vm.host],
    ['datastore', String(vm.datastoreId)],
    ['directory', whereText(vm)],
  ];
  const lines = facts.map(([name = '', text = '']) => `${name.padEnd(11)}${text}\n`).join('');
  return vm.disks.length === 0 ? lines : `${lines}\n${table([head, ...vm.disks.map(diskRow)])}`;
}

function diskRow({ id, format, type, sizeBytes, allocatedBytes, snapshots, imageId }: DiskLook): string[] {
  const size = (count: number | undefined, otherwise: string): string => (count === undefined ? otherwise : formatBytes(count));
  const image = imageId === undefined ? 'none' : String(imageId);
  return [`disk.${id}`, format || '-', type || '-', size(sizeBytes, '-'), size(allocatedBytes, 'not seen'), String(snapshots), image];
}

function whereText(vm: VmLook): string {
  if (vm.directory === undefined) return alarm(`not known: ${vm.failure?.message ?? 'the host does not answer'}`);
  if (vm.present !== false) return vm.directory;
  return isMissing(vm) ? alarm(`${vm.directory} IS MISSING`) : `${vm.directory} (not there at the moment)`;
}
