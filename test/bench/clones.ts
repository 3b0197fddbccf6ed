import { mkdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { addVm, imageDisk } from '../lab/models.ts';
import { makeRaw } from '../lab/origins.ts';
import { sameContent, tool } from '../lab/tools.ts';
import { terminate } from '../lab/transfer-scripts.ts';
import { type Measured, median } from './measure.ts';
import { type Bench, type Connection, shimLine, stockLine } from './sides.ts';
import { atMost, MACHINE_CPU, type Row, timesLess } from './table.ts';

/** Clones from the front-end to a host: the same bytes, the stock way and through the shim. */

interface CloneCase {
  readonly name: string;
  readonly sizeMb: number;
  readonly share: number;
  readonly format: 'raw' | 'qcow2';
}

const CASES: readonly CloneCase[] = [
  { name: 'clone raw 2 GiB, 25 % data', sizeMb: 2048, share: 0.25, format: 'raw' },
  { name: 'clone raw 1 GiB, dense', sizeMb: 1024, share: 1, format: 'raw' },
  { name: 'clone qcow2 1 GiB, 25 % data', sizeMb: 1024, share: 0.25, format: 'qcow2' },
];

const TARGETS = { cpu: 2, wall: 1 } as const;
/** Bytes on the wire, as a share of those the file occupies. */
const WIRE_LIMIT = 1.01;
const MIB = 1 << 20;

interface Baseline {
  readonly name: string;
  readonly connection: Connection;
  readonly whole: boolean;
  readonly flush: boolean;
}

const BASELINES: readonly Baseline[] = [
  { name: 'a: tar | ssh | tar', connection: 'fresh', whole: false, flush: false },
  { name: 'a: tar | ssh | tar, flush', connection: 'fresh', whole: false, flush: true },
  { name: 'c: whole script', connection: 'shared', whole: true, flush: false },
  { name: 'c: whole script, flush', connection: 'shared', whole: true, flush: true },
];

let nextVm = 100;

/** The rows of one case after another. */
export async function* runClones(bench: Bench, scale: number, wanted: (name: string) => boolean): AsyncGenerator<readonly Row[]> {
  for (const of of CASES.filter(({ name }) => wanted(name))) {
    const sizeMb = Math.max(16, Math.round((of.sizeMb * scale) / 16) * 16);
    const name = scale === 1 ? of.name : `${of.name} × ${scale}`;
    yield await runClone(bench, { ...of, name, sizeMb });
  }
}

async function runClone(bench: Bench, of: CloneCase): Promise<Row[]> {
  const { cluster } = bench;
  const store = path.join(cluster.agent('frontend').datastores, '106');
  const source = path.join(store, 'image');
  await mkdir(store, { recursive: true });
  await makeRaw(`${source}.raw`, of.sizeMb, of.share);
  if (of.format === 'raw') await tool('mv', `${source}.raw`, source);
  else {
    await tool('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', `${source}.raw`, source);
    await rm(`${source}.raw`);
  }
  // Written back now, or the rounds would pay for it; it stays in the page cache, for both sides.
  await tool('sync', source);
  const { blocks } = await stat(source);
  const ours: Measured[] = [];
  const stock = new Map<Baseline, Measured[]>(BASELINES.map((baseline) => [baseline, []]));
  for (let round = 0; round < bench.rounds; round += 1) {
    for (const [baseline, runs] of stock) {
      runs.push(await onStock(bench, source, of, baseline));
      if (baseline.flush) ours.push(await onOurs(bench, source, of));
    }
  }
  await rm(store, { recursive: true });
  return compare(of.name, blocks * 512, stock, median(ours));
}

async function onStock(bench: Bench, source: string, of: CloneCase, { connection, whole, flush }: Baseline): Promise<Measured> {
  const vm = addCloneVm(bench, source, of);
  const directory = path.join(bench.stockDatastores, '107', String(vm.id));
  const target = path.join(directory, 'disk.0');
  await mkdir(directory, { recursive: true });
  const [from, name] = [path.dirname(source), path.basename(source)];
  const copy = whole
    ? stockLine('clone', [`frontend:${source}`, `host01:${target}`, vm.id, 107])
    : `tar -C ${from} --transform='flags=r;s|${name}|disk.0|' -cSf - ${name} | $SSH host01 'tar -C ${directory} -xSf -'`;
  const measured = await bench.stock([copy, ...(flush ? [`sync ${target} ${directory}`] : [])], connection);
  await sameContent(source, of.format, target, of.format);
  await rm(directory, { recursive: true });
  return measured;
}

async function onOurs(bench: Bench, source: string, of: CloneCase): Promise<Measured> {
  const { cluster } = bench;
  const { model } = cluster.one;
  const vm = addCloneVm(bench, source, of);
  // oned's own paths, double slash and all.
  const words = [
    `frontend:${model.datastoreLocation}/106/${path.basename(source)}`,
    `host01:${model.datastoreLocation}/107/${vm.id}/disk.0`,
    vm.id,
    106,
  ];
  const measured = await bench.ours([shimLine(cluster, 'clone', words)]);
  await sameContent(source, of.format, path.join(cluster.agent('host01').datastores, '107', String(vm.id), 'disk.0'), of.format);
  for (const result of await cluster.one.tm(terminate(model, vm))) {
    if (result.exit !== 0) throw new Error(`${result.action}: ${result.stderr.trim()}\n${cluster.logs()}`);
  }
  return measured;
}

function addCloneVm({ cluster }: Bench, source: string, of: CloneCase) {
  const { model } = cluster.one;
  const disk = imageDisk({
    id: 0,
    source: `${model.datastoreLocation}/106/${path.basename(source)}`,
    format: of.format,
    sizeMb: of.sizeMb,
  });
  nextVm += 1;
  return addVm(model, { id: nextVm, disks: [disk], host: 'host01' });
}

function compare(name: string, allocated: number, stock: ReadonlyMap<Baseline, readonly Measured[]>, ours: Measured): Row[] {
  const rows: Row[] = [];
  for (const [{ name: baseline, whole, flush }, runs] of stock) {
    const theirs = median(runs);
    const row = (metric: string, unit: Row['unit'], pick: (of: Measured) => number, target: number | undefined) =>
      timesLess({ case: name, metric, unit, baseline, stock: pick(theirs), ours: pick(ours) }, target);
    rows.push(
      row('CPU', 's', (of) => of.cpuSeconds, TARGETS.cpu),
      row('wall', 's', (of) => of.seconds, TARGETS.wall),
    );
    rows.push(row(MACHINE_CPU, 's', (of) => of.machineCpuSeconds, undefined));
    // All of them send the same.
    if (whole && !flush) rows.push(row('bytes on the wire', 'MiB', (of) => (of.wireBytes ?? Number.NaN) / MIB, undefined));
  }
  const wire = (ours.wireBytes ?? Number.NaN) / MIB;
  const limit = {
    case: name,
    metric: 'bytes on the wire',
    unit: 'MiB',
    baseline: 'allocated',
    stock: allocated / MIB,
    ours: wire,
  } as const;
  rows.push(atMost(limit, (allocated / MIB) * WIRE_LIMIT, `≤ ${WIRE_LIMIT}×`));
  return rows;
}
