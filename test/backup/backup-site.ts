import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { ChangingDisk, showsTheSame, stageVm } from '../agent/backends/repository/staged.ts';
import { type Cluster, type ClusterOptions, startCluster } from '../lab/cluster.ts';
import { newImage } from '../lab/life-images.ts';
import { addDatastores, addVm, imageDisk, volatileDisk } from '../lab/models.ts';
import { vmDocument } from '../lab/opennebula/documents.ts';
import type { ActionResult } from '../lab/opennebula/mad.ts';
import type { Image, Vm } from '../lab/opennebula/model.ts';
import { tool } from '../lab/tools.ts';
import { PLACES, type Place, type PlaceName } from './places.ts';

/** The restore suite runs where the programs of a place are; CI has all of them (packaging/prepare.sh). */
export function missing(name: PlaceName): readonly string[] {
  return ['qemu-img', 'qemu-io', ...PLACES[name].needs].filter((program) => {
    try {
      execFileSync('sh', ['-c', `PATH="$PATH:/usr/sbin" command -v ${program}`], { stdio: 'ignore' });
      return false;
    } catch {
      return true;
    }
  });
}

const BACKUPS = 105;
const IMAGES = 106;
const SYSTEM = 107;
const SIZE_MB = 24;
/** Everything that shell, XML and OpenNebula's own templates have a meaning for. */
export const NASTY = `a "quote", it's <b>bold</b> & $(id) \`id\` ; # [ = ] , \\ ]]>`;

/** A site with a backup datastore, and VMs whose backups are staged as prebackup does it: the test knows what each must give back. */
export class BackupSite {
  readonly cluster: Cluster;
  readonly place: Place;
  readonly #root: string;
  #nextVm = 6;

  private constructor(cluster: Cluster, place: Place, root: string) {
    this.cluster = cluster;
    this.place = place;
    this.#root = root;
  }

  static async start(name: PlaceName, options: ClusterOptions = {}): Promise<BackupSite> {
    const root = await mkdtemp(path.join(os.tmpdir(), 'onestorage-backup-'));
    // BASE_PATH is the same text on the server; here they are one machine, so it must be a directory of the test's own.
    let base = path.join(root, 'server');
    const place = await PLACES[name].start(root, base);
    const ssh = place.sshConfig === undefined ? {} : { ssh_config: place.sshConfig };
    const cluster = await startCluster({ ...options, agentOptions: { ...ssh, ...options.agentOptions } });
    const { model } = cluster.one;
    addDatastores(model);
    const isLocal = place.template['RESTIC_BACKEND'] === 'LOCAL';
    if (isLocal) {
      base = `${model.datastoreLocation}/${BACKUPS}`;
      await mkdir(base);
    }
    model.datastores.set(BACKUPS, {
      ...{ id: BACKUPS, name: 'backups', type: 3, dsMad: place.dsMad, tmMad: '-' },
      ...{ basePath: base, template: place.template },
    });
    model.users.set('alice', { id: 4, name: 'alice', groupId: 100, group: 'users', refused: new Set() });
    return new BackupSite(cluster, place, root);
  }

  get one() {
    return this.cluster.one;
  }

  /** A VM that is off, with an image disk, a volatile swap disk, a gap in its disk ids, and another disk; a third in between came later. */
  async vm(mode: 'FULL' | 'INCREMENT'): Promise<BackupVm> {
    this.#nextVm += 1;
    const id = this.#nextVm;
    const disks = [
      imageDisk({ id: 0, source: `${this.one.model.datastoreLocation}/106/os`, sizeMb: SIZE_MB, format: 'qcow2' }),
      volatileDisk({ id: 1, kind: 'swap', sizeMb: 8 }),
      imageDisk({ id: 3, source: `${this.one.model.datastoreLocation}/106/data`, sizeMb: SIZE_MB, format: 'raw' }),
    ];
    const backup = { mode, lastIncrementId: -1, imageId: -1, images: [] };
    const texts = { DESCRIPTION: NASTY, LOGO: NASTY };
    const vm = addVm(this.one.model, {
      id,
      disks,
      host: this.place.host,
      name: NASTY,
      userTemplate: texts,
      backup,
      state: 8,
      lcmState: 0,
    });
    const work = path.join(this.#root, `vm-${id}`);
    await mkdir(work, { recursive: true });
    const directory = path.join(this.cluster.agent(this.place.host).datastores, String(SYSTEM), String(id));
    await mkdir(directory, { recursive: true });
    for (const { id: disk, format } of disks) {
      await tool('qemu-img', 'create', '-q', '-f', format, path.join(directory, `disk.${disk}`), `${SIZE_MB}M`);
    }
    return new BackupVm(
      this,
      vm,
      directory,
      [0, 3].map((disk) => new ChangingDisk(work, disk, SIZE_MB)),
    );
  }

  /** The words of the RESTORE line of a transfer script. */
  async restoreInPlace(vm: Vm, image: Image, increment: number, disk: number): Promise<ActionResult> {
    const directory = `${this.place.host}:${this.one.model.datastoreLocation}/${SYSTEM}/${vm.id}`;
    vm.lcmState = 71;
    vm.state = 3;
    const [result] = await this.one.tm([`RESTORE agent_local ${directory} ${vm.id} ${image.id} ${increment} ${disk}`]);
    Object.assign(vm, { state: 8, lcmState: 0 });
    if (result === undefined) throw new Error('the restore line was not run');
    return result;
  }

  /** Images that a restore made, once oned has their content. */
  async filled(info: string): Promise<readonly Image[]> {
    const ids = info.split(' ').slice(1).map(Number);
    await expect
      .poll(() => ids.map((id) => this.one.model.images.get(id)).every((image) => image?.source !== '' || image.error !== undefined), {
        timeout: 240_000,
        interval: 200,
      })
      .toBe(true);
    return ids.flatMap((id) => this.one.model.images.get(id) ?? []);
  }

  /** Where the content of an image is. */
  fileOf(image: Image): string {
    return path.join(this.cluster.agent('frontend').datastores, String(IMAGES), path.basename(image.source));
  }

  async stop(): Promise<void> {
    await this.cluster.stop();
    await this.place.stop();
    await rm(this.#root, { recursive: true, force: true });
  }
}

export class BackupVm {
  readonly site: BackupSite;
  readonly vm: Vm;
  /** On its host. */
  readonly directory: string;
  readonly disks: readonly ChangingDisk[];
  /** How many backups were stored. */
  #steps = 0;

  constructor(site: BackupSite, vm: Vm, directory: string, disks: readonly ChangingDisk[]) {
    this.site = site;
    this.vm = vm;
    this.directory = directory;
    this.disks = disks;
  }

  /** What prebackup leaves: the disks as files of the next increment, and the VM's document. Gives the step, for `golden`. */
  async stage(): Promise<number> {
    const step = this.#steps;
    const staged = path.join(this.directory, 'backup');
    await rm(staged, { recursive: true, force: true });
    await stageVm(staged, vmDocument(this.site.one.model, this.vm));
    const full = this.vm.backup?.mode === 'FULL' || (this.vm.backup?.lastIncrementId ?? -1) < 0;
    for (const disk of this.disks) {
      if (step === 0) await disk.full(staged);
      else await disk.increment(staged, step);
      // A full backup later on: all of the disk, under the number 0.
      if (full && step > 0) {
        await rm(path.join(staged, `disk.${disk.id}.${step}`));
        await tool('qemu-img', 'convert', '-q', '-f', 'raw', '-O', 'qcow2', disk.golden(step), path.join(staged, `disk.${disk.id}.0`));
      }
    }
    return step;
  }

  /** Stages and stores the next backup; oned's records are as oned then has them. */
  async backup(): Promise<{ readonly result: ActionResult; readonly image: Image; readonly step: number }> {
    const step = await this.stage();
    const result = await this.store();
    expect(result, result.stderr).toMatchObject({ exit: 0 });
    return { result, image: this.record(result), step };
  }

  store(signal?: AbortSignal): Promise<ActionResult> {
    return this.site.one.store(
      this.vm,
      BACKUPS,
      this.disks.map(({ id }) => id),
      signal,
    );
  }

  /** What was stored counts; what failed is staged again, with what has changed since. */
  record(result: ActionResult): Image {
    this.#steps += 1;
    const { model } = this.site.one;
    const [source = '', size = ''] = result.info.split(' ');
    const { backup } = this.vm;
    if (backup === undefined) throw new Error('this VM has no backups');
    const known = model.images.get(backup.imageId ?? -1);
    if (backup.mode === 'INCREMENT' && known?.backup !== undefined) {
      backup.lastIncrementId = (backup.lastIncrementId ?? -1) + 1;
      known.backup.increments.push({ id: backup.lastIncrementId, source, sizeMb: Number(size), type: 'INCREMENT' });
      return known;
    }
    const id = Math.max(200, ...model.images.keys()) + 1;
    const increments = backup.mode === 'INCREMENT' ? [{ id: 0, source, sizeMb: Number(size), type: 'FULL' as const }] : [];
    const diskIds = this.disks.map((disk) => disk.id);
    const image: Image = {
      ...newImage(BACKUPS, { id, name: `${this.vm.id} backup ${id}`, type: 6, path: '' }),
      ...{ source, format: 'raw', owner: 'alice', backup: { vmId: this.vm.id, diskIds, increments } },
    };
    model.images.set(id, image);
    backup.images?.push(id);
    if (backup.mode === 'INCREMENT') Object.assign(backup, { imageId: id, lastIncrementId: 0 });
    return image;
  }

  /** Each disk in its place must be what it was at a step, and nothing else may be there. */
  mustBeInPlace(step: number, ids: readonly number[] = this.disks.map(({ id }) => id)): void {
    for (const disk of this.disks.filter(({ id }) => ids.includes(id))) {
      const format = this.vm.disks.find(({ id }) => id === disk.id)?.format ?? 'raw';
      expect(showsTheSame(path.join(this.directory, `disk.${disk.id}`), format, disk.golden(step)), `disk ${disk.id} at ${step}`).toBe(
        true,
      );
    }
  }

  mustBeImages(images: readonly Image[], step: number): void {
    for (const image of images) {
      expect(image.error).toBeUndefined();
      const id = Number(/-disk-(\d+)$/.exec(image.name)?.[1]);
      const disk = this.disks.find((one) => one.id === id);
      expect(showsTheSame(this.site.fileOf(image), image.format, disk?.golden(step) ?? ''), `${image.name} at ${step}`).toBe(true);
    }
  }

  /** What the guest did since: none of it may be left after a restore. */
  async overwrite(): Promise<void> {
    for (const { id } of this.disks) {
      const format = this.vm.disks.find((disk) => disk.id === id)?.format ?? 'raw';
      await tool('qemu-io', '-f', format, '-c', 'write -q -P 238 0 24M', path.join(this.directory, `disk.${id}`));
    }
  }

  async keepCopy(to: string): Promise<void> {
    await copyFile(path.join(this.directory, 'disk.0'), to);
  }
}
