import { readdirSync } from 'node:fs';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import path from 'node:path';
import { type Cluster, startCluster } from '../../lab/cluster.ts';
import { temporaryNames } from '../../lab/leftovers.ts';
import { addDatastores, addVm, imageDisk, volatileDisk } from '../../lab/models.ts';
import type { ActionResult } from '../../lab/opennebula/mad.ts';
import type { Vm } from '../../lab/opennebula/model.ts';
import { type Guest, startGuest } from './guest.ts';
import { type GuestFiles, guestFiles } from './guest-files.ts';
import { type Libvirt, startLibvirt } from './libvirt.ts';
import { type Records, verifyRecords } from './records.ts';
import { tool } from './tools.ts';

/** A site with a libvirt on host01. */
export interface LiveSite {
  readonly cluster: Cluster;
  readonly libvirt: Libvirt;
  readonly files: GuestFiles;
  stop(): Promise<void>;
}

/** Short, so that a test can wait for it; long enough for a loaded machine to freeze a guest. */
export const FREEZE_LIMIT_SECONDS = 8;

export interface LiveSiteOptions {
  readonly agentOptions?: Readonly<Record<string, unknown>>;
  readonly controllerOptions?: Readonly<Record<string, unknown>>;
}

export async function startLiveSite({ agentOptions = {}, controllerOptions = {} }: LiveSiteOptions = {}): Promise<LiveSite> {
  const files = await guestFiles();
  const libvirt = await startLibvirt();
  try {
    const cluster = await startCluster({
      failpoints: {},
      agentOptions: { libvirt_uri: libvirt.uri, freeze_limit_seconds: FREEZE_LIMIT_SECONDS, ...agentOptions },
      controllerOptions,
    });
    addDatastores(cluster.one.model);
    const stop = async () => {
      await libvirt.stop();
      await cluster.stop();
    };
    return { cluster, libvirt, files, stop };
  } catch (thrown) {
    await libvirt.stop();
    throw thrown;
  }
}

const SIZE = '64M';
/** Of a VM that runs. */
const LCM = { SNAP_CREATE_LIVE: 57, SNAP_DELETE: 59, CPDS: 26, RESIZE: 62, SNAP_CREATE: 3, SNAP_REVERT: 3 } as const;
type Verb = keyof typeof LCM;

/** A VM that runs on host01: disk.0 qcow2 and disk.1 raw with records, disk.2 volatile, a mounted file system. */
export class RunningVm {
  readonly vm: Vm;
  guest: Guest;
  readonly #site: LiveSite;
  readonly #options: VmOptions;

  constructor(site: LiveSite, vm: Vm, guest: Guest, options: VmOptions) {
    this.#site = site;
    this.#options = options;
    this.vm = vm;
    this.guest = guest;
  }

  get directory(): string {
    return directoryOf(this.#site, this.vm.id);
  }

  file(disk: number): string {
    return path.join(this.directory, `disk.${disk}`);
  }

  /** Starts the guest from its disks as they are now. */
  async boot(): Promise<void> {
    this.guest = await boot(this.#site, this.vm.id, this.#options);
    this.vm.state = 3;
    this.vm.lcmState = 3;
  }

  async powerOff(): Promise<void> {
    await this.guest.destroy();
    this.vm.state = 8;
    this.vm.lcmState = 0;
  }

  /** One line of a transfer script, as oned or one_vmm_exec would run it. */
  async act(verb: Verb, disk: number, ...words: readonly (string | number)[]): Promise<ActionResult> {
    return await this.actUntil(undefined, verb, disk, ...words);
  }

  /** The same; the signal ends the script by SIGTERM. */
  async actUntil(signal: AbortSignal | undefined, verb: Verb, disk: number, ...words: readonly (string | number)[]): Promise<ActionResult> {
    if (this.vm.state === 3) this.vm.lcmState = LCM[verb];
    const location = this.#site.cluster.one.model.datastoreLocation;
    const line = [verb, 'agent_local', `host01:${location}/107/${this.vm.id}/disk.${disk}`, ...words, this.vm.id, 106].join(' ');
    const [result] = await this.#site.cluster.one.tm([line], signal);
    if (result === undefined) throw new Error(`no result of ${line}`);
    return result;
  }

  /** The file that holds a snapshot, by the rule of the contract (2.2). */
  async snapshotFile(disk: number, id: number): Promise<string> {
    const snapshots = `${this.file(disk)}.snap`;
    const pointer = await readFile(path.join(snapshots, `${id}.current`), 'utf8').catch(() => `${id}`);
    return path.join(snapshots, path.basename(pointer.trim()));
  }

  /** Throws unless a snapshot is of one moment, and holds what was written before. */
  async verifySnapshot(disk: number, id: number, atLeast: number): Promise<Records> {
    return await verifyRecords(await this.snapshotFile(disk, id), disk === 0 ? 'qcow2' : 'raw', atLeast);
  }

  /** What qemu has put on disk until now: the guest is suspended meanwhile, because a file that is written to is of no one moment. */
  async verifyNow(): Promise<Records> {
    await this.#site.libvirt.virsh('suspend', this.guest.name);
    try {
      return await verifyRecords(this.file(0), 'qcow2', this.guest.written('vda'));
    } finally {
      await this.#site.libvirt.virsh('resume', this.guest.name);
    }
  }

  /** Pulls the plug, then looks at what the disk holds: nothing that the guest was told is on disk may be missing. */
  async endAndVerify(): Promise<void> {
    const written = [this.guest.written('vda'), this.guest.written('vdb')] as const;
    await this.guest.destroy();
    await tool('qemu-img', ['check', '-q', '-f', 'qcow2', this.file(0)]);
    await verifyRecords(this.file(0), 'qcow2', written[0]);
    await verifyRecords(this.file(1), 'raw', written[1]);
  }

  async isFrozen(): Promise<boolean> {
    const answer = await this.#site.libvirt.virsh('qemu-agent-command', this.guest.name, '{"execute":"guest-fsfreeze-status"}');
    return answer.includes('frozen');
  }

  async domainState(): Promise<string> {
    return (await this.#site.libvirt.virsh('domstate', this.guest.name)).trim();
  }

  /** Names that no action may leave behind: temporary ones, and notes of guests that are held. */
  leftovers(): string[] {
    const { datastores, stateDirectory } = this.#site.cluster.agent('host01');
    let held: string[] = [];
    try {
      held = readdirSync(path.join(stateDirectory, 'quiet'));
    } catch {
      // No guest was ever held.
    }
    return [...temporaryNames(datastores), ...held];
  }
}

function directoryOf({ cluster }: LiveSite, id: number): string {
  return path.join(cluster.agent('host01').datastores, '107', String(id));
}

export interface VmOptions {
  readonly agent?: boolean;
  /** disk.0 is a plain file, as the ssh driver of OpenNebula leaves it. */
  readonly plain?: boolean;
}

export async function startVm(site: LiveSite, id: number, options: VmOptions = {}): Promise<RunningVm> {
  const directory = directoryOf(site, id);
  const at = (name: string) => path.join(directory, name);
  if (options.plain === true) {
    await mkdir(directory, { recursive: true });
    await tool('qemu-img', ['create', '-q', '-f', 'qcow2', at('disk.0'), SIZE]);
  } else {
    await mkdir(at('disk.0.snap'), { recursive: true });
    await symlink('.', at('disk.0.snap/disk.0.snap'));
    await tool('qemu-img', ['create', '-q', '-f', 'qcow2', at('disk.0.snap/0'), SIZE]);
    await symlink('disk.0.snap/0', at('disk.0'));
  }
  await tool('truncate', ['-s', SIZE, at('disk.1')]);
  await tool('truncate', ['-s', SIZE, at('disk.2')]);
  await tool('mke2fs', ['-q', '-F', '-t', 'ext4', at('disk.2')]);
  const source = `${site.cluster.one.model.datastoreLocation}/106/image`;
  const disks = [
    imageDisk({ id: 0, source, format: 'qcow2' }),
    imageDisk({ id: 1, source, format: 'raw' }),
    volatileDisk({ id: 2, kind: 'fs', format: 'raw', sizeMb: 64 }),
  ];
  const vm = addVm(site.cluster.one.model, { id, disks, host: 'host01', lcmState: 3 });
  return new RunningVm(site, vm, await boot(site, id, options), options);
}

async function boot(site: LiveSite, id: number, { agent = true }: VmOptions): Promise<Guest> {
  const at = (name: string) => path.join(directoryOf(site, id), name);
  return await startGuest(site.libvirt, site.files, {
    name: `one-${id}`,
    agent,
    disks: [
      // As the deployment file of OpenNebula has it.
      { target: 'vda', file: at('disk.0').replace('/107/', '//107/'), format: 'qcow2', use: 'records' },
      { target: 'vdb', file: at('disk.1').replace('/107/', '//107/'), format: 'raw', use: 'records' },
      { target: 'vdc', file: at('disk.2'), format: 'raw', use: 'fs' },
    ],
  });
}
