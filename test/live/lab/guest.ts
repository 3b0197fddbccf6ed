import { rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { GuestFiles } from './guest-files.ts';
import type { Libvirt } from './libvirt.ts';
import { SLOTS } from './records.ts';

export interface GuestDisk {
  /** vda, vdb, …: the order of the list. */
  readonly target: string;
  readonly file: string;
  readonly format: 'raw' | 'qcow2';
  /** records: written to by the writer of numbered records; fs: a mounted file system; cdrom: only read. */
  readonly use: 'records' | 'fs' | 'cdrom';
}

export interface GuestOptions {
  readonly name: string;
  readonly disks: readonly GuestDisk[];
  /** hung: it takes what libvirt asks, and never answers. */
  readonly agent?: boolean | 'hung';
  /** Microseconds between two records of a writer. */
  readonly pause?: number;
}

const WAIT_MS = 180_000;

/** A running guest and what it says on its console. */
export class Guest {
  readonly name: string;
  readonly lines: string[] = [];
  readonly #libvirt: Libvirt;
  readonly #written = new Map<string, number>();
  /** When a writer was heard last, and its longest silence since somebody asked. */
  readonly #heard = new Map<string, { readonly at: number; readonly silence: number }>();
  readonly #waiting = new Set<() => void>();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(name: string, libvirt: Libvirt, server: Server) {
    this.name = name;
    this.#libvirt = libvirt;
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      createInterface({ input: socket }).on('line', (line) => this.#hear(line));
    });
  }

  /** The last number that the guest's writer said is on disk; -1: none yet. */
  written(target: string): number {
    return this.#written.get(target) ?? -1;
  }

  /** Milliseconds for which a writer (vda, fs) said nothing, at most, since the last call: it was held no longer. */
  silence(writer: string): number {
    const { at, silence } = this.#heard.get(writer) ?? { at: performance.now(), silence: 0 };
    this.#heard.set(writer, { at, silence: 0 });
    return Math.max(silence, performance.now() - at);
  }

  /** Waits until the writer says a number above this one. */
  async writes(target: string, above: number = this.written(target)): Promise<number> {
    await this.until(() => this.written(target) > above, `${target} to write past ${above}`);
    return this.written(target);
  }

  /** Waits for what the console brings. */
  async until(condition: () => boolean, what: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      if (condition()) resolve();
    };
    const timer = setTimeout(
      () => reject(new Error(`${this.name}: waited in vain for ${what}; console:\n${this.lines.slice(-30).join('\n')}`)),
      WAIT_MS,
    );
    this.#waiting.add(look);
    look();
    await promise.finally(() => {
      clearTimeout(timer);
      this.#waiting.delete(look);
    });
  }

  /** Ends it as pulling the plug would. */
  async destroy(): Promise<void> {
    await this.#libvirt.virsh('destroy', this.name).catch(() => undefined);
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #hear(line: string): void {
    this.lines.push(line);
    const [, target = '', number = ''] = /lab: (\w+) wrote (\d+)/.exec(line) ?? [];
    if (target !== '') {
      this.#written.set(target, Number(number));
      const { at, silence } = this.#heard.get(target) ?? { at: performance.now(), silence: 0 };
      this.#heard.set(target, { at: performance.now(), silence: Math.max(silence, performance.now() - at) });
    }
    for (const look of this.#waiting) look();
  }
}

/** Boots a guest on libvirt, emulated, and waits until every writer has written. */
export async function startGuest(libvirt: Libvirt, files: GuestFiles, options: GuestOptions): Promise<Guest> {
  const consoleSocket = path.join(libvirt.directory, `${options.name}.console`);
  await rm(consoleSocket, { force: true });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(consoleSocket, resolve));
  const guest = new Guest(options.name, libvirt, server);
  const definition = path.join(libvirt.directory, `${options.name}.xml`);
  await writeFile(definition, domain(files, options, consoleSocket));
  try {
    // Started from a file without being defined, as OpenNebula does.
    await libvirt.virsh('create', definition);
    await guest.until(() => guest.lines.some((line) => line.includes('lab: up')), 'its boot');
    for (const { target, use } of options.disks) if (use === 'records') await guest.writes(target, 0);
    return guest;
  } catch (thrown) {
    await guest.destroy();
    throw thrown;
  }
}

/** Emulation is always asked for: a machine may have a /dev/kvm that cannot run this kernel. */
function domain(files: GuestFiles, { name, disks, agent = true, pause = 2000 }: GuestOptions, consoleSocket: string): string {
  const of = (use: GuestDisk['use']) => disks.filter((disk) => disk.use === use).map(({ target }) => target);
  const words = [
    `records=${of('records').join(',')}`,
    `fs=${of('fs').join(',')}`,
    `agent=${agent === true ? 'yes' : agent === false ? 'no' : agent}`,
    `slots=${SLOTS}`,
    `pause=${pause}`,
  ];
  const disk = ({ target, file, format, use }: GuestDisk): string => `
    <disk type='file' device='${use === 'cdrom' ? 'cdrom' : 'disk'}'>
      <driver name='qemu' type='${format}' cache='none' discard='unmap'/>
      <source file='${file}'/>
      <target dev='${target}' bus='${use === 'cdrom' ? 'ide' : 'virtio'}'/>${use === 'cdrom' ? '<readonly/>' : ''}
    </disk>`;
  return `<domain type='qemu'>
  <name>${name}</name>
  <memory unit='MiB'>192</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>${files.kernel}</kernel>
    <initrd>${files.initrd}</initrd>
    <cmdline>console=ttyS0 panic=-1 quiet ${words.join(' ')}</cmdline>
  </os>
  <features><acpi/><apic/></features>
  <on_reboot>destroy</on_reboot>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>${disks.map(disk).join('')}
    <serial type='unix'><source mode='connect' path='${consoleSocket}'/><target port='0'/></serial>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <memballoon model='none'/>
  </devices>
</domain>
`;
}
