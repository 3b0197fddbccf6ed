import { existsSync, lstatSync } from 'node:fs';
import { mkdir, rename, symlink } from 'node:fs/promises';
import path from 'node:path';
import { createSnapshot } from '../../agent/backends/file/snapshots-create.ts';
import type { RecordedCall, RecordedDisk, Recording } from '../fixtures/oned/recording.ts';
import { testContext } from '../helpers/context.ts';
import type { Cluster } from '../lab/cluster.ts';
import { addVm, imageDisk, volatileDisk } from '../lab/models.ts';
import type { Disk } from '../lab/opennebula/model.ts';
import { HOSTS } from '../lab/site.ts';
import { guestWrite, tool } from '../lab/tools.ts';
import { type Named, named, verbOf } from './recorded.ts';

const MIB = 1 << 20;
/** The largest recorded images are sparse and stand for nothing: smaller ones do. */
const MAX_MB = 256;

export function present(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}

/**
 * What the recorded calls found on disk. Most of it earlier calls of the replay have made; what came about by other means (a live migration,
 * a snapshot of a running VM, calls of another driver) is made here.
 */
export class State {
  readonly #cluster: Cluster;
  readonly #recording: Recording;
  /** Snapshots that a disk, `<vm>/<disk>`, has had. */
  readonly #snapshots = new Map<string, Set<number>>();
  #operation = 0;

  constructor(cluster: Cluster, recording: Recording) {
    this.#cluster = cluster;
    this.#recording = recording;
    const { model } = cluster.one;
    for (const vm of new Set(recording.disks.map((disk) => disk.vm))) {
      const disks = recording.disks.filter((disk) => disk.vm === vm).map(labDisk);
      addVm(model, { id: vm, disks, host: 'host01', state: 8, lcmState: 0, contextDisk: 4 });
    }
  }

  at({ host, datastoreId, vm, disk }: Named): string {
    const directory = path.join(this.#cluster.agent(host).datastores, String(datastoreId), String(vm));
    return disk === undefined ? directory : path.join(directory, `disk.${disk}`);
  }

  /** What the documents say of a disk; of a context CD they say nothing. */
  disk({ vm, disk }: Named): RecordedDisk | undefined {
    return this.#recording.disks.find((one) => one.vm === vm && one.id === disk);
  }

  /** Makes what the call needs. Gives false when the call itself is of no use here and only its effect was wanted. */
  async prepare(call: RecordedCall): Promise<boolean> {
    if (call.script.startsWith('datastore/')) {
      await this.#prepareImage(call);
      return true;
    }
    const verb = verbOf(call);
    this.#setVm(call, verb);
    if (verb === 'clone' || verb === 'ln') await this.image(call.argv[0]?.replace(/^\w+:/, '') ?? '');
    if (verb === 'context') {
      await this.#bring({ ...named(call.argv.at(-3) ?? ''), disk: undefined });
      for (const vm of this.#cluster.one.model.vms.values()) await this.#cluster.one.writeContext(vm);
    }
    if (!/^(mv|mvds|cpds|delete|resize|snap_\w+)$/.test(verb)) return true;
    const subject = named(call.argv[0] ?? '');
    await this.#bring(subject);
    if (!verb.startsWith('snap_')) return true;
    return await this.#snapshotsBefore(subject, verb, Number(call.argv[1]));
  }

  /** The file a call printed gets the recorded name: later calls use that. */
  async rename(printed: string, recorded: string): Promise<void> {
    if (existsSync(printed)) await rename(printed, recorded);
  }

  /** An image of the front-end that no replayed call has made. */
  async image(source: string): Promise<void> {
    if (present(source)) return;
    const found = this.#recording.images.find((one) => one.source === source);
    await mkdir(path.dirname(source), { recursive: true });
    await makeFile(source, found?.format ?? 'raw', found?.sizeMb ?? 16);
  }

  #setVm(call: RecordedCall, verb: string): void {
    const vmId = Number(call.argv.at(-2));
    const vm = this.#cluster.one.model.vms.get(verb.endsWith('migrate') ? Number(call.argv[3]) : vmId);
    // LCM 62: resize of a running VM; 26: its disk is saved; 4: it is migrated (contract B).
    const live = { resize: 62, cpds: 26, premigrate: 4, postmigrate: 4 }[verb];
    if (vm !== undefined)
      Object.assign(vm, (call.live || live === 4) && live !== undefined ? { state: 3, lcmState: live } : { state: 8, lcmState: 0 });
  }

  /** Puts the VM where the call expects it. */
  async #bring(subject: Named): Promise<void> {
    if (present(this.at(subject))) return;
    const directory = { ...subject, disk: undefined };
    const other = HOSTS.find((host) => present(this.at({ ...directory, host })));
    if (other !== undefined && !present(this.at(directory))) {
      await mkdir(path.dirname(this.at(directory)), { recursive: true });
      await rename(this.at({ ...directory, host: other }), this.at(directory));
    }
    await mkdir(this.at(directory), { recursive: true });
    const disk = this.disk(subject);
    if (disk !== undefined && !present(this.at(subject))) await makeDisk(this.at(subject), disk);
  }

  /** Snapshots that were taken of the running VM, and those that no recorded call took. */
  async #snapshotsBefore(subject: Named, verb: string, id: number): Promise<boolean> {
    const key = `${subject.vm}/${subject.disk}`;
    const taken = this.#snapshots.get(key) ?? new Set();
    this.#snapshots.set(key, taken);
    const format = this.disk(subject)?.format ?? 'raw';
    const live = verb === 'snap_create_live';
    for (let missing = 0; missing < id || (missing === id && verb !== 'snap_create'); missing += 1) {
      if (!taken.has(missing)) await this.#snapshot(this.at(subject), format, missing);
      taken.add(missing);
    }
    taken.add(id);
    return !live;
  }

  async #snapshot(named: string, format: 'raw' | 'qcow2', id: number): Promise<void> {
    const file = path.normalize(named);
    const root = path.dirname(path.dirname(file));
    const disk = { path: file, directory: path.dirname(file), name: path.basename(file), root, format };
    this.#operation += 1;
    await createSnapshot(disk, id, testContext({ operationId: `state-${this.#operation}` }));
  }

  /** Origins of cp and stat; SOURCE of the others, with the snapshots that the document lists. */
  async #prepareImage({ document }: RecordedCall): Promise<void> {
    const origin = /<PATH>(?:<!\[CDATA\[)?([^<\]]+)/.exec(document)?.[1];
    const size = Number(/<SIZE>(\d+)<\/SIZE>/.exec(document)?.[1] ?? 0);
    if (origin?.includes('/origins/') && !present(origin)) {
      await mkdir(path.dirname(origin), { recursive: true });
      const named = Number(/(\d+)\.\w+$/.exec(origin)?.[1] ?? size);
      await makeFile(origin, origin.endsWith('qcow2') ? 'qcow2' : 'raw', named);
    } else if (origin !== undefined && !origin.includes('/origins/')) {
      await this.image(origin);
    }
    const source = /<SOURCE><!\[CDATA\[([^\]]+)/.exec(document)?.[1];
    if (source === undefined || present(source)) return;
    await this.image(source);
    const format = this.#recording.images.find((one) => one.source === source)?.format ?? 'raw';
    const listed = [...document.matchAll(/<SNAPSHOT>.*?<ID><!\[CDATA\[(\d+)/g)].map(([, id]) => Number(id));
    for (const id of listed) await this.#snapshot(source, format, id);
  }
}

/** On the front-end, as every disk of the recording: some data, a size. */
async function makeFile(file: string, format: 'raw' | 'qcow2', sizeMb: number): Promise<void> {
  await tool('qemu-img', 'create', '-q', '-f', format, file, String(Math.min(sizeMb, MAX_MB) * MIB));
  await guestWrite(file, format, MIB, 4096, 0x5a);
}

/** A disk as a clone of its image, or as mkimage, would have made it. */
async function makeDisk(file: string, disk: RecordedDisk): Promise<void> {
  const name = path.basename(file);
  if (disk.format === 'raw' || disk.source === '') return await makeFile(file, disk.format, disk.sizeMb);
  await mkdir(`${file}.snap`, { recursive: true });
  await symlink('.', path.join(`${file}.snap`, `${name}.snap`));
  await makeFile(path.join(`${file}.snap`, '0'), 'qcow2', disk.sizeMb);
  await symlink(`${name}.snap/0`, file);
}

function labDisk(disk: RecordedDisk): Disk {
  const { id, format, sizeMb, source, datastoreId, clone } = disk;
  if (source !== '') return imageDisk({ id, source, format, sizeMb, datastoreId, clone, type: disk.type === 'CDROM' ? 'CDROM' : 'FILE' });
  const fileSystem = disk.fs === '' ? {} : { fileSystem: disk.fs };
  return volatileDisk({ id, kind: disk.type === 'swap' ? 'swap' : 'fs', format, sizeMb, ...fileSystem });
}
