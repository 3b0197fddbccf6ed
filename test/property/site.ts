import { randomUUID } from 'node:crypto';
import { readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { type SnapshotDisk, snapshotFile } from '../../agent/backends/file/snapshots-layout.ts';
import type { AgentContext } from '../../agent/context.ts';
import { createDisk } from '../../agent/operations/create-disk.ts';
import { type ReceiveInput, receive } from '../../agent/operations/receive.ts';
import { removeDisk } from '../../agent/operations/remove-disk.ts';
import type { OperationKind } from '../../runtime/operations/types.ts';
import { openExport, startHost, type TestHost } from '../agent/transfer/hosts.ts';
import { BLOCK, differences, type Format, type Model, program, readContent, tree } from '../helpers/disks.ts';

/** Where a disk (`<vm>/disk.<n>`) or an image lies. */
export interface Place {
  readonly datastoreId: number;
  readonly path: string;
}

export const IMAGES = 1;
export const SYSTEM = 0;

/** What a disk or an image must be, whatever files it is made of. */
export interface Expected {
  readonly format: Format;
  content: Model;
  snapshots: Map<number, Model>;
  nextId: number;
}

/** Agents without daemons: their operations with real journals, and real transfers between them. Host 0 is the front-end. */
export class PropertySite {
  readonly hosts: readonly TestHost[];

  constructor(hosts: readonly TestHost[]) {
    this.hosts = hosts;
  }

  static async start(): Promise<PropertySite> {
    const hosts = [];
    for (const name of ['front', 'node1', 'node2']) hosts.push(await startHost(name));
    return new PropertySite(hosts);
  }

  async stop(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.stop()));
  }

  host(index: number): TestHost {
    const host = this.hosts[index];
    if (host === undefined) throw new Error(`no host ${index}`);
    return host;
  }

  file(host: number, place: Place): string {
    return this.host(host).at(String(place.datastoreId), place.path);
  }

  /** Runs an operation through the host's journal, as its service would. */
  async run<I, R>(host: number, kind: (agent: AgentContext) => OperationKind<I, R>, input: I, id: string = randomUUID()): Promise<R> {
    const { agent } = this.host(host);
    return await agent.operations.submit(kind(agent), { id, subject: 'a disk of a test', input }).done;
  }

  async receive(from: number, source: ReceiveInput['source'], to: number, target: ReceiveInput['target']): Promise<void> {
    const operationId = randomUUID();
    const { place, format, flat, snapshotId } = source;
    const receiverMachineId = this.host(to).agent.machineId;
    const snapshot = snapshotId === undefined ? {} : { snapshotId };
    const ticket = await openExport(this.host(from), { operationId, source: place, format, flat, ...snapshot, receiverMachineId });
    const { capability, address, hostName, machineId } = ticket;
    await this.run(to, receive, { ticket: { capability, address, hostName, machineId }, source, target, bytesPerSecond: 0 }, operationId);
  }

  /** mkimage */
  async create(host: number, target: Place, format: Format, blocks: number): Promise<void> {
    await this.run(host, createDisk, { target, sizeBytes: blocks * BLOCK, format, preallocate: false });
  }

  /** A VM directory goes to another host: mv. */
  async move(from: number, to: number, directory: Place): Promise<void> {
    const before = await tree(this.file(from, directory));
    await this.receive(from, { place: directory, format: '', flat: false }, to, { type: 'directory', place: directory, monitor: '' });
    await this.run(from, removeDisk, { target: directory });
    const after = await tree(this.file(to, directory));
    if (after.join('\n') !== before.join('\n'))
      throw new Error(`the move changed the names: ${before.join(' ')} became ${after.join(' ')}`);
    const left = await readdir(path.dirname(this.file(from, directory)));
    if (left.includes(directory.path)) throw new Error(`the move left ${directory.path} behind`);
  }

  /** As a guest would. */
  async write(host: number, place: Place, format: Format, first: number, count: number, value: number): Promise<void> {
    const command = `write -P ${value} ${first * BLOCK} ${count * BLOCK}`;
    await program('qemu-io', '-f', format, '-c', command, await realpath(this.file(host, place)));
  }

  /** Everything that differs from what must be there. */
  async wrong(host: number, place: Place, expected: Expected): Promise<string[]> {
    const file = this.file(host, place);
    const disk: SnapshotDisk = {
      path: file,
      directory: path.dirname(file),
      name: path.basename(file),
      root: this.host(host).at(String(place.datastoreId)),
      format: expected.format,
    };
    const compare = async (what: string, of: string, model: Model): Promise<string[]> =>
      differences(await readContent(of, expected.format), model).map((text) => `${place.path} ${what}: ${text}`);
    const found = await compare('now', file, expected.content);
    for (const [id, model] of expected.snapshots) found.push(...(await compare(`snapshot ${id}`, await snapshotFile(disk, id), model)));
    return found;
  }

  /** Temporary names on any host. */
  async temporary(): Promise<string[]> {
    const all = await Promise.all(this.hosts.map((host) => tree(host.agent.datastores)));
    return all.flat().filter((name) => path.basename(name).startsWith('.onestorage.'));
  }
}
