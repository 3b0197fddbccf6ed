import { copyFile, mkdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Cluster } from '../lab/cluster.ts';
import { addDatastores, addVm, imageDisk } from '../lab/models.ts';
import type { Vm } from '../lab/opennebula/model.ts';
import { makeRaw } from '../lab/origins.ts';
import { sameContent, tool } from '../lab/tools.ts';
import { prolog, terminate } from '../lab/transfer-scripts.ts';
import { type Measured, measure, middle } from './measure.ts';
import type { Ssh } from './ssh.ts';

/** What is compared: the same bytes, once the way of the stock drivers (tar through ssh), once through the shims. */
export interface CaseResult {
  readonly name: string;
  readonly stock: Measured;
  readonly ours: Measured;
}

export interface Bench {
  readonly cluster: Cluster;
  readonly ssh: Ssh;
  readonly rounds: number;
}

interface CloneCase {
  readonly name: string;
  readonly sizeMb: number;
  readonly share: number;
  readonly format: 'raw' | 'qcow2';
  /** VMs deployed at once from the one image. */
  readonly parallel: number;
}

export const CLONES: readonly CloneCase[] = [
  { name: 'clone raw, 1 GiB of data', sizeMb: 1024, share: 1, format: 'raw', parallel: 1 },
  { name: 'clone raw, 2 GiB with a quarter of data', sizeMb: 2048, share: 0.25, format: 'raw', parallel: 1 },
  { name: 'clone qcow2, 1 GiB with a quarter of data', sizeMb: 1024, share: 0.25, format: 'qcow2', parallel: 1 },
  { name: 'clone raw, 256 MiB, 8 VMs at once', sizeMb: 256, share: 0.5, format: 'raw', parallel: 8 },
];

let nextVm = 100;

export async function runClone(bench: Bench, of: CloneCase): Promise<CaseResult> {
  const { cluster } = bench;
  const model = cluster.one.model;
  if (model.datastores.size === 0) addDatastores(model);
  const store = path.join(cluster.agent('frontend').datastores, '106');
  const source = path.join(store, 'image');
  await mkdir(store, { recursive: true });
  await makeRaw(`${source}.raw`, of.sizeMb, of.share);
  if (of.format === 'raw') await tool('mv', `${source}.raw`, source);
  else await tool('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', `${source}.raw`, source);
  const stock: Measured[] = [];
  const ours: Measured[] = [];
  for (let round = 0; round < bench.rounds; round += 1) {
    stock.push(await stockClone(bench, source, of));
    ours.push(await ourClone(cluster, source, of));
  }
  await rm(store, { recursive: true });
  return { name: of.name, stock: middle(stock), ours: middle(ours) };
}

async function stockClone({ cluster, ssh }: Bench, source: string, of: CloneCase): Promise<Measured> {
  const target = path.join(cluster.site.directory, 'stock');
  const [directory, name] = [path.dirname(source), path.basename(source)];
  const one = (index: number) => {
    const to = `${target}/${index}`;
    return ssh.pipe(`tar -C ${directory} -cSf - ${name} | ${ssh.command} 'mkdir -p ${to} && tar -C ${to} -xSf - && sync -f ${to}'`);
  };
  const measured = await measure(() => Promise.all(Array.from({ length: of.parallel }, (_, index) => one(index))));
  await stat(path.join(target, '0', name));
  await rm(target, { recursive: true });
  return measured;
}

async function ourClone(cluster: Cluster, source: string, of: CloneCase): Promise<Measured> {
  const { one } = cluster;
  // oned's own path of the image, double slash and all.
  const oneSource = `${one.model.datastoreLocation}/106/${path.basename(source)}`;
  const vms = Array.from({ length: of.parallel }, (): Vm => {
    const disk = imageDisk({ id: 0, source: oneSource, format: of.format, sizeMb: of.sizeMb });
    nextVm += 1;
    return addVm(one.model, { id: nextVm, disks: [disk], host: 'host01' });
  });
  const all = (script: (vm: Vm) => string[]) => Promise.all(vms.map((vm) => runScript(cluster, script(vm))));
  const measured = await measure(() => all((vm) => prolog(one.model, vm)));
  const first = path.join(cluster.agent('host01').datastores, '107', String(vms[0]?.id), 'disk.0');
  await sameContent(source, of.format, first, of.format);
  await all((vm) => terminate(one.model, vm));
  return measured;
}

/** What one action costs that moves nothing: deleting a disk that is not there, against one ssh session that does nothing. */
export async function runSmall(bench: Bench, actions: number): Promise<CaseResult> {
  const { cluster, ssh, rounds } = bench;
  if (cluster.one.model.datastores.size === 0) addDatastores(cluster.one.model);
  nextVm += 1;
  const vm = addVm(cluster.one.model, { id: nextVm, disks: [imageDisk({ id: 0, source: '/none' })], host: 'host01' });
  const [line = ''] = terminate(cluster.one.model, vm);
  const stock: Measured[] = [];
  const ours: Measured[] = [];
  for (let round = 0; round < rounds; round += 1) {
    stock.push(await measure(() => ssh.pipe(`for i in $(seq ${actions}); do ${ssh.command} '[ -e /none ] || exit 0'; done`)));
    ours.push(
      await measure(() =>
        runScript(
          cluster,
          Array.from({ length: actions }, () => line),
        ),
      ),
    );
  }
  return { name: `${actions} actions that move nothing`, stock: middle(stock), ours: middle(ours) };
}

/** The floor: a copy within one host, by the kernel. */
export async function localCopy(directory: string): Promise<Measured> {
  const source = path.join(directory, 'floor');
  await makeRaw(source, 1024, 1);
  const measured = await measure(async () => {
    await copyFile(source, `${source}.copy`);
    await tool('sync', '-f', `${source}.copy`);
  });
  await Promise.all([rm(source), rm(`${source}.copy`)]);
  return measured;
}

async function runScript(cluster: Cluster, lines: readonly string[]): Promise<void> {
  for (const result of await cluster.one.tm(lines)) {
    if (result.exit !== 0) throw new Error(`${result.action}: ${result.stderr.trim()}\n${cluster.logs()}`);
  }
}
