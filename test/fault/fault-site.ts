import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, onTestFailed } from 'vitest';
import { parse, stringify } from 'yaml';
import { type Cluster, type ClusterOptions, startCluster } from '../lab/cluster.ts';
import { newImage } from '../lab/life-images.ts';
import { addDatastores, addVm, imageDisk } from '../lab/models.ts';
import type { ActionResult } from '../lab/opennebula/mad.ts';
import type { Datastore, Image, ImageDisk, Vm } from '../lab/opennebula/model.ts';
import { makeRaw } from '../lab/origins.ts';
import type { HostName } from '../lab/site.ts';
import { tool } from '../lab/tools.ts';
import { errorLine } from './error-line.ts';
import { treesOf } from './tree.ts';

const WAIT = { timeout: 45_000, interval: 25 };
const IMAGE_MB = 24;

/** A cluster with an image, and what the tests of faults do with it again and again. */
export class FaultSite {
  readonly cluster: Cluster;
  readonly datastore: Datastore;
  readonly #version: '6.10' | '7';
  #nextVm = 30;
  #nextHold = 0;

  constructor(cluster: Cluster, datastore: Datastore, version: '6.10' | '7') {
    this.cluster = cluster;
    this.datastore = datastore;
    this.#version = version;
  }

  get one() {
    return this.cluster.one;
  }

  /** A file below the datastores of a host. */
  file(host: HostName, ...names: readonly string[]): string {
    return path.join(this.cluster.agent(host).datastores, ...names);
  }

  /** As oned writes a path. */
  onedPath(...names: readonly (string | number)[]): string {
    return [this.one.model.datastoreLocation, ...names].join('/');
  }

  /** A VM that is to run on a host, with a disk of the image. */
  vm(host: HostName = 'host01', disk: Partial<ImageDisk> = {}): Vm {
    onTestFailed(() => void process.stderr.write(`${this.cluster.logs(15)}\n`));
    this.#nextVm += 1;
    const whole = imageDisk({ id: 0, source: this.onedPath(106, 'image'), sizeMb: IMAGE_MB, ...disk });
    return addVm(this.one.model, { id: this.#nextVm, disks: [whole], host });
  }

  /** The same, with its disk there already: not by our own clone, so that a test of something else does not wait for it. */
  async deployedVm(host: HostName = 'host01', disk: Partial<ImageDisk> = {}): Promise<Vm> {
    const vm = this.vm(host, disk);
    await mkdir(this.directory(vm, host));
    await tool('cp', '--sparse=always', this.file('frontend', '106', 'image'), path.join(this.directory(vm, host), 'disk.0'));
    return vm;
  }

  directory(vm: Vm, host: HostName = 'host01'): string {
    return this.file(host, '107', String(vm.id));
  }

  /** An image that `cp` is to fetch from `address`. */
  image(address: string, options: Partial<Image> = {}): Image {
    onTestFailed(() => void process.stderr.write(`${this.cluster.logs(15)}\n`));
    this.#nextVm += 1;
    return newImage(106, { id: this.#nextVm, name: `image${this.#nextVm}`, type: 0, path: address, ...options });
  }

  /** Does what must fail; it must say so in one good line that matches, and leave every datastore as it was. */
  async refuses(act: () => Promise<ActionResult | readonly ActionResult[]>, line: RegExp): Promise<void> {
    const before = await treesOf(this.cluster);
    await this.fails(act, line);
    await this.comesTo(before);
  }

  /** Does what must fail and say so in one good line that matches. */
  async fails(act: () => Promise<ActionResult | readonly ActionResult[]>, line: RegExp): Promise<void> {
    const said = errorLine([await act()].flat().at(-1), this.#version);
    if (process.env['FAULT_LINES'] !== undefined) process.stdout.write(`    ${said}\n`);
    expect(said).toMatch(line);
  }

  /** Resolves when the controller has found an agent again that came back. */
  async reachable(host: HostName): Promise<void> {
    const line = `DELETE agent_local ${host}:${this.onedPath(107, 999)} 999 107`;
    await expect.poll(async () => (await this.one.tm([line])).map(({ info }) => info), WAIT).toEqual(['-']);
  }

  exists(...names: readonly string[]): boolean {
    return existsSync(path.join(...names));
  }

  /** Work that was given up is taken back at last: datastores as in `before`, nothing of it under way. */
  async comesTo(before: readonly string[]): Promise<void> {
    await expect.poll(() => treesOf(this.cluster), WAIT).toEqual(before);
  }

  /** Nothing under way, no temporary name, no program: soon, since programs may take a moment to end after their operation. */
  async idle(): Promise<void> {
    await expect.poll(() => this.cluster.leftovers(), WAIT).toEqual([]);
    await expect
      .poll(async () => (await this.cluster.operations(false)).map(({ subject, state }) => `${subject}: ${state}`), WAIT)
      .toEqual([]);
  }

  /** Stops a daemon at a failpoint until `release`; `reached` resolves when it has got there. */
  async hold(name: HostName | 'controller', failpoint: string): Promise<{ reached(): Promise<void>; release(): Promise<void> }> {
    const daemon = name === 'controller' ? this.cluster.controller : this.cluster.agent(name);
    this.#nextHold += 1;
    const file = path.join(this.cluster.site.directory, `hold.${this.#nextHold}`);
    await writeFile(file, '');
    await daemon.arm(`${failpoint}=hold:${file}`);
    return {
      reached: () => expect.poll(() => existsSync(`${file}.reached`), WAIT).toBe(true),
      release: async () => {
        await daemon.arm('');
        await rm(file, { force: true });
      },
    };
  }

  /** Resolves when unfinished work in a directory has received data: the middle of a copy. */
  async copying(directory: string): Promise<void> {
    await expect.poll(() => receivedBytes(directory), WAIT).toBeGreaterThan(0);
  }

  /** Changes a daemon's configuration and starts it again. */
  async reconfigure(name: HostName | 'controller', keys: Readonly<Record<string, unknown>>): Promise<void> {
    const [daemon, file] =
      name === 'controller'
        ? [this.cluster.controller, this.cluster.site.controller.config]
        : [this.cluster.agent(name), this.cluster.agent(name).config];
    await writeFile(file, stringify({ ...parse(await readFile(file, 'utf8')), ...keys }));
    await daemon.restart();
  }

  async stop(): Promise<void> {
    await this.cluster.stop();
  }
}

/** Starts a cluster with the datastores 106 and 107 and an image of 24 MiB, half of it data. */
export async function startFaultSite(options: ClusterOptions = {}, template: Readonly<Record<string, string>> = {}): Promise<FaultSite> {
  const cluster = await startCluster({ failpoints: {}, ...options });
  const { images } = addDatastores(cluster.one.model, template);
  for (const host of ['frontend', 'host01', 'host02'] as const) {
    // As after the first deployment: what belongs to a datastore itself is there.
    await mkdir(path.join(cluster.agent(host).datastores, '107'), { recursive: true });
    await writeFile(path.join(cluster.agent(host).datastores, '107', '.monitor'), 'agent_local');
  }
  const directory = path.join(cluster.agent('frontend').datastores, '106');
  await mkdir(directory, { recursive: true });
  await makeRaw(path.join(directory, 'image'), IMAGE_MB, 0.5);
  return new FaultSite(cluster, images, options.version ?? '7');
}

/** Bytes on disk of the files of unfinished work. */
function receivedBytes(directory: string): number {
  const walk = (at: string, inside: boolean): number => {
    let bytes = 0;
    try {
      for (const entry of readdirSync(at, { withFileTypes: true })) {
        const file = path.join(at, entry.name);
        const counts = inside || entry.name.startsWith('.onestorage.');
        if (entry.isDirectory()) bytes += walk(file, counts);
        else if (counts && entry.isFile()) bytes += lstatSync(file).blocks * 512;
      }
    } catch {
      // renamed or removed at this moment
    }
    return bytes;
  };
  return walk(directory, false);
}
