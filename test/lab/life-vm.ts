import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { LifeCluster } from './cluster.ts';
import type { LifeImages } from './life-images.ts';
import { addVm, imageDisk, volatileDisk } from './models.ts';
import { vmDocument } from './opennebula/documents.ts';
import type { Disk, Vm } from './opennebula/model.ts';
import { lastHistory } from './opennebula/model.ts';
import { Reference } from './reference.ts';
import type { HostName } from './site.ts';
import type { Timeline } from './timeline.ts';
import { tool } from './tools.ts';
import { contextLine } from './transfer-scripts.ts';

/** One virtual machine of the life cycle: its record at OpenNebula, and for each disk what it must hold. */
export class LifeVm {
  readonly cluster: LifeCluster;
  readonly timeline: Timeline;
  readonly vm: Vm;
  readonly references = new Map<number, Reference>();
  /** Where its directory is now. */
  place: HostName;
  readonly #scratch: string;
  /** Small files of the hypervisor, which every move must bring along. */
  readonly #files = new Map<string, Buffer>();

  constructor(cluster: LifeCluster, timeline: Timeline, images: LifeImages, host: HostName) {
    this.cluster = cluster;
    this.timeline = timeline;
    this.place = host;
    this.#scratch = path.join(cluster.site.directory, 'reference');
    const of = (image: LifeImages['os']) => ({ imageId: image.id, image: image.name, source: image.source, sizeMb: image.sizeMb });
    this.vm = addVm(cluster.one.model, {
      id: 9,
      host,
      contextDisk: 7,
      disks: [
        imageDisk({ id: 0, ...of(images.os) }),
        imageDisk({ id: 1, ...of(images.app), format: 'qcow2' }),
        imageDisk({ id: 2, ...of(images.data), clone: false }),
        imageDisk({ id: 3, ...of(images.cd), clone: false, type: 'CDROM' }),
        volatileDisk({ id: 4, kind: 'fs', format: 'qcow2', fileSystem: 'ext4', sizeMb: 48 }),
        volatileDisk({ id: 5, kind: 'fs', format: 'raw', fileSystem: 'ext4', sizeMb: 32 }),
        volatileDisk({ id: 6, kind: 'swap', sizeMb: 16 }),
      ],
    });
  }

  get model() {
    return this.cluster.one.model;
  }

  disk(id: number): Disk {
    const disk = this.vm.disks.find((candidate) => candidate.id === id);
    if (disk === undefined) throw new Error(`the VM of the lab has no disk ${id}`);
    return disk;
  }

  /** The VM's directory on a host: the agent's own, not oned's path. */
  directory(host: HostName = this.place): string {
    return path.join(this.cluster.agent(host).datastores, String(lastHistory(this.vm).datastoreId), String(this.vm.id));
  }

  file(id: number): string {
    return path.join(this.directory(), `disk.${id}`);
  }

  reference(id: number): Reference {
    const reference = this.references.get(id);
    if (reference === undefined) throw new Error(`disk ${id} has no reference`);
    return reference;
  }

  /** The lines of a transfer script, each a row of the timeline. */
  async transfer(lines: readonly string[], lcmState: number): Promise<void> {
    Object.assign(this.vm, { state: 3, lcmState });
    for (const line of lines) {
      const results = this.cluster.one.tm([line]).then(([result]) => {
        if (result === undefined) throw new Error(`no action in the line: ${line}`);
        return result;
      });
      await this.timeline.record(labelOf(line), results);
    }
  }

  /** What one_vmm_exec does at every start: context and description of the VM, the latter through its own ssh. */
  async boot(): Promise<void> {
    await this.cluster.one.writeContext(this.vm);
    await this.transfer([contextLine(this.model, this.vm)], 3);
    await this.addFile('vm.xml', Buffer.from(vmDocument(this.model, this.vm)));
    await this.#checkContext();
  }

  async addFile(name: string, content: Buffer): Promise<void> {
    await writeFile(path.join(this.directory(), name), content);
    this.#files.set(name, content);
  }

  /** The first content of every disk: of images their origin's, of volatile disks what was made. */
  async takeReferences(contents: LifeImages['contents']): Promise<void> {
    await mkdir(this.#scratch, { recursive: true });
    const origins: Readonly<Record<number, string>> = { 0: contents.os, 1: contents.app, 2: contents.data, 3: contents.cd };
    for (const disk of this.vm.disks) {
      const origin = origins[disk.id];
      const file = path.join(this.#scratch, `disk.${disk.id}`);
      const from: readonly [string, string] = origin === undefined ? [this.file(disk.id), disk.format] : [origin, 'raw'];
      this.references.set(disk.id, await Reference.from(...from, file));
    }
  }

  /** After a revert whose size the drivers choose: what the disk holds now is what is expected from now on. */
  async takeReferenceAgain(id: number): Promise<void> {
    const disk = this.disk(id);
    const reference = await Reference.from(this.file(id), disk.format, this.reference(id).file);
    disk.sizeMb = reference.sizeMb;
    this.references.set(id, reference);
  }

  /** A guest writes into each of its writable image disks and the first volatile one. */
  async guestWrites(pattern: number, offsetMb: number): Promise<void> {
    for (const id of [0, 1, 2, 4]) await this.reference(id).write(this.file(id), this.disk(id).format, offsetMb, 2, pattern);
  }

  /** Compares everything: every disk with its reference, and the files of the hypervisor. */
  async check(): Promise<void> {
    for (const disk of this.vm.disks) await this.reference(disk.id).check(this.file(disk.id), disk.format);
    for (const [name, content] of this.#files) {
      const found = await readFile(path.join(this.directory(), name));
      if (!found.equals(content)) throw new Error(`${name} of the VM changed on ${this.place}`);
    }
    this.timeline.verified(`${this.vm.disks.length} disks on ${this.place} hold what the guest wrote`);
  }

  async #checkContext(): Promise<void> {
    const disk = this.file(this.vm.contextDisk ?? 0);
    const target = path.join(this.#scratch, 'context.sh');
    await mkdir(this.#scratch, { recursive: true });
    await tool('rm', '-f', target);
    await tool('xorriso', '-osirrox', 'on', '-indev', disk, '-extract', '/context.sh', target);
    if (!(await readFile(target, 'utf8')).includes(`HOSTNAME='${this.vm.name}'`)) throw new Error('the context CD lacks its variables');
    const label = (await readFile(disk)).subarray(16 * 2048 + 40, 16 * 2048 + 47).toString('latin1');
    if (label !== 'CONTEXT') throw new Error(`the context CD is labelled "${label}"`);
    this.timeline.verified('the context CD holds the variables');
  }
}

/** `MVDS disk.2`: the verb and what it is about. */
function labelOf(line: string): string {
  const [verb = '', , ...words] = line.split(' ');
  const subject = words.findLast((word) => word.includes(':') || word.startsWith('/')) ?? '';
  const target = verb.startsWith('CPDS') || verb.startsWith('MVDS') ? (words[0] ?? '') : subject;
  return `${verb} ${target.slice(target.lastIndexOf('/') + 1)}`;
}
