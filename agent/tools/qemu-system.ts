import { type StartedProcess, start, type ToolContext } from './run.ts';

export type DiskBus = 'virtio' | 'scsi' | 'ide';

export interface Machine {
  readonly type: 'pc' | 'q35';
  readonly memoryBytes: number;
  /** The first one is booted from. What the guest writes to them is forgotten. */
  readonly disks: readonly { readonly file: string; readonly format: 'raw' | 'qcow2'; readonly bus: DiskBus }[];
  /** Absolute; where the socket of the guest agent is made, and what the guest writes is kept. */
  readonly directory: string;
}

/** Name of the socket that leads to the guest agent. */
export const AGENT_SOCKET = 'agent';

/**
 * Boots an emulated machine: no KVM, no network, no device of the host, and what reads it is what a stranger wrote, so qemu gives up its rights to
 * start programs. Its serial console is the standard output. Errors: missing_program, cancelled.
 */
export function startMachine({ type, memoryBytes, disks, directory }: Machine, context: ToolContext): Promise<StartedProcess> {
  const plain = ['-nodefaults', '-no-user-config', '-display', 'none', '-vga', 'std', '-nic', 'none', '-device', 'virtio-rng-pci'];
  const machine = ['-machine', `${type},accel=tcg`, '-cpu', 'max', '-m', `size=${Math.ceil(memoryBytes / 2 ** 20)}M`];
  const sandbox = ['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'];
  const agent = [
    ...['-chardev', `socket,id=agent,path=${AGENT_SOCKET},server=on,wait=off`, '-device', 'virtio-serial-pci'],
    ...['-device', 'virtserialport,chardev=agent,name=org.qemu.guest_agent.0'],
  ];
  const console = ['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console'];
  const scsi = disks.some(({ bus }) => bus === 'scsi') ? ['-device', 'virtio-scsi-pci'] : [];
  const args = [...plain, ...machine, ...sandbox, ...agent, ...console, ...scsi, ...disks.flatMap(diskArguments)];
  // A relative name of the socket: the kernel takes no long one. The directory of temporary files is where snapshot=on puts what is written.
  return start('qemu-system-x86_64', args, { ...context, cwd: directory, env: { TMPDIR: directory }, nice: true });
}

const DEVICES = { virtio: 'virtio-blk-pci', scsi: 'scsi-hd', ide: 'ide-hd' } as const satisfies Record<DiskBus, string>;

function diskArguments({ file, format, bus }: Machine['disks'][number], index: number): readonly string[] {
  const name = `disk${index}`;
  // A comma in a file name is written twice.
  const drive = `if=none,id=${name},format=${format},snapshot=on,cache=unsafe,file=${file.replaceAll(',', ',,')}`;
  return ['-drive', drive, '-device', `${DEVICES[bus]},drive=${name},bootindex=${index + 1}`];
}
