import { readdirSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Cluster, type Room, startCluster } from '../../lab/cluster.ts';
import { temporaryNames } from '../../lab/leftovers.ts';
import { addDatastores, addVm, imageDisk } from '../../lab/models.ts';
import type { MigrateHook } from '../../lab/opennebula/actions.ts';
import type { ActionResult } from '../../lab/opennebula/mad.ts';
import { type Datastore, deployTo, type Vm } from '../../lab/opennebula/model.ts';
import { migrateWords } from '../../lab/transfer-scripts.ts';
import { type Guest, type GuestOptions, startGuest } from './guest.ts';
import { type GuestFiles, guestFiles } from './guest-files.ts';
import { type KvmMigration, kvmMigrate } from './kvm-migrate.ts';
import { type Libvirt, startLibvirt } from './libvirt.ts';
import type { Outcome } from './outcomes.ts';
import { readRecords } from './records.ts';
import { tool } from './tools.ts';

export const KVM_HOSTS = ['host01', 'host02'] as const;
export type KvmHostName = (typeof KVM_HOSTS)[number];

/** A site whose two hosts have a libvirt each, in whose namespaces their agents run: both call their datastores by one path, as hosts do. */
export interface MigrationSite {
  readonly cluster: Cluster;
  readonly libvirts: Readonly<Record<KvmHostName, Libvirt>>;
  readonly files: GuestFiles;
  /** The system datastore. */
  readonly system: Datastore;
  /** `<location>` of the domain's files on both hosts. */
  readonly datastores: string;
  stop(): Promise<void>;
}

export async function startMigrationSite(
  prepare: (datastores: Readonly<Record<KvmHostName, string>>) => Promise<void>,
  controllerOptions: Readonly<Record<string, unknown>> = {},
): Promise<MigrationSite> {
  const files = await guestFiles();
  const libvirts: Partial<Record<KvmHostName, Libvirt>> = {};
  const stopAll = async () => {
    await Promise.all(Object.values(libvirts).map((libvirt) => libvirt.stop()));
  };
  let datastores = '';
  try {
    const cluster = await startCluster({
      failpoints: {},
      agentOptions: { freeze_limit_seconds: 8 },
      controllerOptions,
      furnish: async (site) => {
        datastores = path.join(site.home, 'datastores');
        await prepare({ host01: site.hosts.host01.datastores, host02: site.hosts.host02.datastores });
        const rooms: Partial<Record<KvmHostName, Room>> = {};
        for (const name of KVM_HOSTS) {
          const libvirt = await startLibvirt({ binds: [{ from: site.hosts[name].datastores, to: datastores }] });
          libvirts[name] = libvirt;
          rooms[name] = roomOf(libvirt, datastores);
        }
        return rooms;
      },
    });
    const { system } = addDatastores(cluster.one.model);
    const stop = async () => {
      await stopAll();
      await cluster.stop();
    };
    return { cluster, libvirts: libvirts as Record<KvmHostName, Libvirt>, files, system, datastores, stop };
  } catch (thrown) {
    await stopAll();
    throw thrown;
  }
}

/** nsenter stays outside and hands signals of its child on; when it is killed, the child goes as well. */
function roomOf(libvirt: Libvirt, datastores: string): Room {
  const enter = ['nsenter', '-t', String(libvirt.pid), '-m', '-p', '--', 'setpriv', '--pdeathsig', 'KILL', '--'];
  return { enter, options: { libvirt_uri: libvirt.uri, datastores } };
}

const SIZE = '64M';

/** A VM that moves between the hosts while it runs: disk.0 qcow2 and disk.1 raw with records, disk.2 a medium that is only read. */
export class MigratingVm {
  readonly vm: Vm;
  guest: Guest;
  at: KvmHostName = 'host01';
  /** The system datastore it is in. */
  datastore = 107;
  readonly #site: MigrationSite;
  readonly #options: Partial<GuestOptions>;

  constructor(site: MigrationSite, vm: Vm, guest: Guest, options: Partial<GuestOptions>) {
    this.#site = site;
    this.vm = vm;
    this.guest = guest;
    this.#options = options;
  }

  get other(): KvmHostName {
    return this.at === 'host01' ? 'host02' : 'host01';
  }

  get libvirt(): Libvirt {
    return this.#site.libvirts[this.at];
  }

  /** As the test finds it. */
  directory(host: KvmHostName = this.at): string {
    return path.join(this.#site.cluster.agent(host).datastores, String(this.datastore), String(this.vm.id));
  }

  file(disk: number, host: KvmHostName = this.at): string {
    return path.join(this.directory(host), `disk.${disk}`);
  }

  /** premigrate, postmigrate or failmigrate of a migration from `from` to the other host. */
  async hook(name: MigrateHook, from: KvmHostName = this.at, ...more: readonly string[]): Promise<ActionResult> {
    return await this.#hook(name, from, from === 'host01' ? 'host02' : 'host01', ...more);
  }

  async #hook(name: MigrateHook, from: KvmHostName, to: KvmHostName, ...more: readonly string[]): Promise<ActionResult> {
    this.vm.state = 3;
    this.vm.lcmState = 4;
    if (name === 'premigrate') deployTo(this.vm, to, this.datastore, 'agent_local');
    const words = migrateWords(this.#site.cluster.one.model, this.vm, from, to);
    return await this.#site.cluster.one.migrateHook(name, this.vm, [...words, ...more], 'agent_local');
  }

  /** The hypervisor's part, from where it is to the other host. */
  async migrate(options: Pick<KvmMigration, 'options' | 'incremental'> = {}): Promise<void> {
    await kvmMigrate({
      ...options,
      domain: this.guest.name,
      directory: path.join(this.#site.datastores, '107', String(this.vm.id)),
      source: { libvirt: this.libvirt, directory: this.directory() },
      target: { libvirt: this.#site.libvirts[this.other], directory: this.directory(this.other) },
    });
    this.at = this.other;
  }

  /**
   * To another datastore of the same host while it runs (7.2): the hypervisor's part is a block copy of each disk into what premigrate has made.
   * Gives what pre- and postmigrate said.
   */
  async changeDatastore(id: number): Promise<readonly ActionResult[]> {
    const [before, name] = [this.datastore, this.guest.name];
    this.datastore = id;
    const premigrate = await this.#hook('premigrate', this.at, this.at);
    for (const line of (await this.libvirt.virsh('domblklist', name)).split('\n')) {
      const [device = '', file = ''] = line.trim().split(/\s+/);
      if (!file.startsWith('/')) continue;
      const there = path.normalize(file).replace(`/${before}/`, `/${id}/`);
      const format = device === 'vda' ? 'qcow2' : 'raw';
      const copy = ['--dest', there, '--format', format, '--reuse-external', '--shallow', '--transient-job', '--wait', '--pivot'];
      if (device === 'hda') await this.libvirt.virsh('change-media', name, device, there, '--update', '--live');
      else await this.libvirt.virsh('blockcopy', name, device, ...copy);
    }
    return [premigrate, await this.#hook('postmigrate', this.at, this.at)];
  }

  /** A line of a transfer script on a disk, where the VM is. */
  async act(verb: string, lcmState: number, disk: number, ...words: readonly (string | number)[]): Promise<ActionResult> {
    this.vm.lcmState = lcmState;
    const { datastoreLocation } = this.#site.cluster.one.model;
    const place = `${this.at}:${datastoreLocation}/${this.datastore}/${this.vm.id}/disk.${disk}`;
    const [result] = await this.#site.cluster.one.tm([[verb, 'agent_local', place, ...words, this.vm.id, 106].join(' ')]);
    if (result === undefined) throw new Error(`no result of ${verb}`);
    return result;
  }

  /** Off, and on again where it is. */
  async reboot(): Promise<void> {
    await this.libvirt.virsh('destroy', this.guest.name);
    await this.guest.destroy();
    this.guest = await bootGuest(this.#site, this.vm.id, this.at, this.#options);
  }

  /** It runs and writes on; suspended for the moment, its disks are looked at. */
  async outcome(): Promise<Outcome> {
    await this.guest.writes('vda');
    await this.guest.writes('vdb');
    const state = (await this.libvirt.virsh('domstate', this.guest.name)).trim();
    const elsewhere = await this.#site.libvirts[this.other].virsh('list', '--all', '--name');
    const both = elsewhere.includes(this.guest.name) ? `, and on ${this.other}` : '';
    await this.libvirt.virsh('suspend', this.guest.name);
    try {
      const chain = await tool('qemu-img', ['check', '-q', '-U', '-f', 'qcow2', this.file(0)]).then(
        () => 'valid',
        () => 'broken',
      );
      const missing = (await this.#missing(0, 'qcow2', 'vda')) + (await this.#missing(1, 'raw', 'vdb'));
      return { guest: `${state} on ${this.at}${both}`, missing, chain, leftovers: this.leftovers().length };
    } finally {
      await this.libvirt.virsh('resume', this.guest.name);
    }
  }

  async #missing(disk: number, format: 'raw' | 'qcow2', target: string): Promise<number> {
    const written = this.guest.written(target);
    const { last, missing, torn } = await readRecords(this.file(disk), format);
    return missing.length + torn + Math.max(0, written - last);
  }

  /** Names that no action may leave behind on either host. */
  leftovers(): string[] {
    return KVM_HOSTS.flatMap((host) => {
      const { datastores, stateDirectory } = this.#site.cluster.agent(host);
      let notes: string[] = [];
      try {
        notes = readdirSync(path.join(stateDirectory, 'arrivals'));
      } catch {
        // No guest ever came.
      }
      return [...temporaryNames(datastores), ...notes].map((name) => `${host}: ${name}`);
    });
  }
}

export async function startMigratingVm(site: MigrationSite, id: number, options: Partial<GuestOptions> = {}): Promise<MigratingVm> {
  const directory = path.join(site.cluster.agent('host01').datastores, '107', String(id));
  const at = (name: string) => path.join(directory, name);
  await mkdir(at('disk.0.snap'), { recursive: true });
  await symlink('.', at('disk.0.snap/disk.0.snap'));
  await tool('qemu-img', ['create', '-q', '-f', 'qcow2', at('disk.0.snap/0'), SIZE]);
  await symlink('disk.0.snap/0', at('disk.0'));
  await tool('truncate', ['-s', SIZE, at('disk.1')]);
  await writeFile(at('disk.2'), Buffer.alloc(372_736, 'context of the lab\n'));
  await writeFile(at('vm.xml'), '<VM/>\n');
  await writeFile(at('ds.xml'), '<DATASTORE/>\n');
  const source = `${site.cluster.one.model.datastoreLocation}/106/image`;
  const disks = [imageDisk({ id: 0, source, format: 'qcow2' }), imageDisk({ id: 1, source, format: 'raw' })];
  const vm = addVm(site.cluster.one.model, { id, disks, host: 'host01', lcmState: 3, contextDisk: 2 });
  return new MigratingVm(site, vm, await bootGuest(site, id, 'host01', options), options);
}

async function bootGuest(site: MigrationSite, id: number, host: KvmHostName, options: Partial<GuestOptions>): Promise<Guest> {
  // As the deployment file of OpenNebula has it.
  const at = (name: string) => path.join(`${site.datastores}/`, '107', String(id), name).replace('/107/', '//107/');
  return await startGuest(site.libvirts[host], site.files, {
    ...options,
    name: `one-${id}`,
    disks: [
      { target: 'vda', file: at('disk.0'), format: 'qcow2', use: 'records' },
      { target: 'vdb', file: at('disk.1'), format: 'raw', use: 'records' },
      { target: 'hda', file: at('disk.2'), format: 'raw', use: 'cdrom' },
    ],
  });
}
