import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { tree } from '../helpers/disks.ts';
import { type Cluster, type DaemonHandle, startCluster } from '../lab/cluster.ts';
import { newImage } from '../lab/life-images.ts';
import { addDatastores, addVm } from '../lab/models.ts';
import type { Disk, Image, Vm } from '../lab/opennebula/model.ts';
import { HOSTS, type HostName } from '../lab/site.ts';
import { tool } from '../lab/tools.ts';
import { type DiskShape, putDisk } from './contents.ts';
import type { DaemonName, KillPoint } from './points.ts';

export const DAEMONS: readonly DaemonName[] = ['controller', ...HOSTS];

/** Present in every datastore that has been used; neither is left over from anything. */
const ORDINARY = /^[a-z0-9]+:\d+\/(\.monitor|\.isofiles\/)?$/;

/** Some names carry the key of the call, or the VM and the key: others each time. A failpoint's name may have a `*` for them. */
const CHANGING = /(?:(?<= )\d+\.)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** One site for all scenarios of a file. Each scenario gets a VM of its own, and empty datastores. */
export class Rig {
  readonly cluster: Cluster;
  /** A directory on the front-end from which images may be fetched. */
  readonly origins: string;
  #nextVm = 100;
  readonly #templates = new Map<string, Promise<string>>();

  constructor(cluster: Cluster) {
    this.cluster = cluster;
    this.origins = path.join(cluster.site.directory, 'origins');
  }

  static async start(): Promise<Rig> {
    const environment = { ONESTORAGE_CONNECT_SECONDS: '30', ONESTORAGE_RECONNECT_SECONDS: '60' };
    const cluster = await startCluster({ failpoints: {}, environment });
    const rig = new Rig(cluster);
    await mkdir(rig.origins, { recursive: true });
    const { model } = cluster.one;
    const { system } = addDatastores(model, { SAFE_DIRS: rig.origins });
    model.datastores.set(108, { ...system, id: 108, name: 'sys_other', basePath: `${model.datastoreLocation}/108` });
    return rig;
  }

  get one() {
    return this.cluster.one;
  }

  get model() {
    return this.cluster.one.model;
  }

  daemon(name: DaemonName): DaemonHandle {
    return name === 'controller' ? this.cluster.controller : this.cluster.agent(name);
  }

  /** Where a host really has `<datastore>/<path>`. */
  at(host: HostName, datastoreId: number, ...names: readonly string[]): string {
    return path.join(this.cluster.agent(host).datastores, String(datastoreId), ...names);
  }

  /** SOURCE of an image, as oned has it. */
  source(name: string): string {
    return `${this.model.datastoreLocation}/106/${name}`;
  }

  /** Empties every datastore and forgets VMs and images; daemons that a failed test left down are started. */
  async clear(): Promise<void> {
    for (const name of DAEMONS) {
      const daemon = this.daemon(name);
      await daemon.arm('');
      if (daemon.pid === undefined) await daemon.start();
    }
    this.model.vms.clear();
    this.model.images.clear();
    for (const host of HOSTS) {
      const { datastores } = this.cluster.agent(host);
      for (const id of await readdir(datastores)) await empty(path.join(datastores, id));
    }
    await mkdir(this.at('frontend', 106), { recursive: true });
  }

  vm(options: { disks: readonly Disk[]; host: HostName } & Partial<Omit<Vm, 'disks'>>): Vm {
    this.#nextVm += 1;
    return addVm(this.model, { state: 8, lcmState: 0, ...options, id: this.#nextVm, disks: [...options.disks] });
  }

  image(options: Partial<Image> & Pick<Image, 'name'>): Image {
    const image = newImage(106, { id: 41, type: 0, path: '', ...options });
    this.model.images.set(image.id, image);
    return image;
  }

  /** A disk's files in a directory; each shape is made once and copied then. */
  async put(directory: string, name: string, shape: DiskShape): Promise<void> {
    const key = `${name} ${JSON.stringify(shape)}`;
    const made = this.#templates.get(key) ?? this.#make(name, shape);
    this.#templates.set(key, made);
    await copyFiles(await made, directory);
  }

  async #make(name: string, shape: DiskShape): Promise<string> {
    const directory = path.join(this.cluster.site.directory, 'templates', String(this.#templates.size));
    await putDisk(directory, name, shape);
    return directory;
  }

  /** Every name in every datastore of every host. */
  async state(): Promise<string[]> {
    const all = await Promise.all(
      HOSTS.map(async (host) => (await tree(this.cluster.agent(host).datastores)).map((name) => `${host}:${name}`)),
    );
    return all.flat().filter((name) => !ORDINARY.test(name));
  }

  /** The failpoints that daemons have passed so far, in order. */
  passed(daemon: DaemonName): string[] {
    const file = path.join(this.cluster.site.directory, 'etc', `${daemon}.trace`);
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
  }

  /** The failpoints that daemons pass during some work, each once. */
  async trace(work: () => Promise<void>): Promise<KillPoint[]> {
    const before = DAEMONS.map((daemon) => this.passed(daemon).length);
    await work();
    return DAEMONS.flatMap((daemon, index) => {
      const names = new Set(
        this.passed(daemon)
          .slice(before[index])
          .map((name) => name.replaceAll(CHANGING, '*')),
      );
      return [...names].map((name) => ({ daemon, name }));
    });
  }
}

async function empty(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name !== '.monitor') await rm(path.join(directory, name), { recursive: true, force: true });
  }
}

async function copyFiles(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await tool('cp', '-a', '--sparse=always', `${from}/.`, to);
}
