import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { addVm, imageDisk, volatileDisk } from '../lab/models.ts';
import { type Measured, median } from './measure.ts';
import { type Bench, type Connection, removeAll, sessionLine, shimLine, stockLine } from './sides.ts';
import { MACHINE_CPU, type Row, timesLess } from './table.ts';

/** Actions that move no data: what an action costs by itself. */

const TARGETS = { cpu: 10, wall: 5 } as const;
const SYSTEM = 107;
const SMALL_MB = 16;

interface ActionCase {
  readonly name: string;
  readonly action: string;
  /** Words of the call for one VM directory, as oned writes it. */
  words(at: string, vm: number): readonly (string | number)[];
  /** What the stock action's ssh sessions do, one script a session, in a local path; none: it opens none. */
  sessions(at: string): readonly string[];
  /** Makes what the call needs, in a VM directory of this machine. */
  prepare?(at: string): Promise<void>;
}

const CASES: readonly ActionCase[] = [
  {
    name: 'delete of a missing disk',
    action: 'delete',
    words: (at, vm) => [`host01:${at}/disk.0`, vm, SYSTEM],
    sessions: (at) => [`[ -e "${at}/disk.0" ] || exit 0\nrm -rf ${at}/disk.0`],
  },
  {
    name: `mkimage of ${SMALL_MB} MiB`,
    action: 'mkimage',
    words: (at, vm) => [SMALL_MB, 'raw', `host01:${at}/disk.1`, vm, SYSTEM],
    sessions: (at) => [`[ -d ${at} ] || mkdir -p ${at}`, `qemu-img create -f raw ${at}/disk.1 ${SMALL_MB}M`],
  },
  {
    name: 'mv of a disk word',
    action: 'mv',
    words: (at, vm) => [`host01:${at}/disk.0`, `host02:${at}/disk.0`, vm, SYSTEM],
    sessions: () => [],
  },
  {
    name: 'snap_delete, raw',
    action: 'snap_delete',
    words: (at, vm) => [`host01:${at}/disk.0`, 0, vm, SYSTEM],
    sessions: (at) => [`rm ${at}/disk.0.snap/0`],
    prepare: async (at) => {
      await mkdir(path.join(at, 'disk.0.snap'), { recursive: true });
      for (const name of ['disk.0', 'disk.0.snap/0']) await writeFile(path.join(at, name), Buffer.alloc(4096));
    },
  },
];

interface Baseline {
  readonly name: string;
  readonly connection: Connection;
  readonly whole: boolean;
}

const BASELINES: readonly Baseline[] = [
  { name: 'a: ssh sessions alone', connection: 'fresh', whole: false },
  { name: 'b: whole script, own connections', connection: 'fresh', whole: true },
  { name: 'c: whole script, shared connection', connection: 'shared', whole: true },
];

/** The rows of one case after another. */
export async function* runActions(bench: Bench, actions: number, wanted: (name: string) => boolean): AsyncGenerator<readonly Row[]> {
  for (const of of CASES.filter(({ name }) => wanted(name))) yield await runAction(bench, of, actions);
}

let nextVm = 1000;

async function runAction(bench: Bench, of: ActionCase, actions: number): Promise<Row[]> {
  const baselines = BASELINES.filter(({ whole }) => whole || of.sessions('').length > 0);
  const ours: Measured[] = [];
  const stock = new Map<Baseline, Measured[]>(baselines.map((baseline) => [baseline, []]));
  // Round 0 warms caches and connections up and does not count.
  for (let round = 0; round <= bench.rounds; round += 1) {
    const calls = round === 0 ? Math.min(3, actions) : actions;
    for (const [baseline, runs] of stock) {
      runs.push(await onStock(bench, of, baseline, calls));
      // One of ours after each of theirs: what else the machine does meets both.
      ours.push(await onOurs(bench, of, calls));
    }
  }
  const mine = median(ours.slice(baselines.length), actions);
  return [...stock].flatMap(([{ name }, runs]) => compare(of.name, name, median(runs.slice(1), actions), mine));
}

async function onStock(bench: Bench, of: ActionCase, { connection, whole }: Baseline, calls: number): Promise<Measured> {
  const vms = addVms(bench, calls);
  const at = (vm: number) => path.join(bench.stockDatastores, String(SYSTEM), String(vm));
  for (const vm of vms) await of.prepare?.(at(vm));
  const lines = vms.flatMap((vm) =>
    whole ? [stockLine(of.action, of.words(at(vm), vm))] : of.sessions(at(vm)).map((script) => sessionLine('host01', script)),
  );
  const measured = await bench.stock(lines, connection);
  await removeAll(vms.map(at));
  return measured;
}

async function onOurs(bench: Bench, of: ActionCase, calls: number): Promise<Measured> {
  const { cluster } = bench;
  const vms = addVms(bench, calls);
  const at = (vm: number) => path.join(cluster.agent('host01').datastores, String(SYSTEM), String(vm));
  for (const vm of vms) await of.prepare?.(at(vm));
  const asOned = (vm: number) => `${cluster.one.model.datastoreLocation}/${SYSTEM}/${vm}`;
  const measured = await bench.ours(vms.map((vm) => shimLine(cluster, of.action, of.words(asOned(vm), vm))));
  await removeAll(vms.map(at));
  return measured;
}

function addVms({ cluster }: Bench, count: number): number[] {
  const disks = () => [imageDisk({ id: 0, source: '/none' }), volatileDisk({ id: 1, kind: 'fs', sizeMb: SMALL_MB })];
  return Array.from({ length: count }, () => {
    nextVm += 1;
    return addVm(cluster.one.model, { id: nextVm, disks: disks(), host: 'host01' }).id;
  });
}

function compare(name: string, baseline: string, stock: Measured, ours: Measured): Row[] {
  const row = (metric: string, unit: Row['unit'], pick: (of: Measured) => number, target: number | undefined) =>
    timesLess({ case: name, metric, unit, baseline, stock: pick(stock), ours: pick(ours) }, target);
  return [
    row('CPU', 'ms', (of) => of.cpuSeconds * 1000, TARGETS.cpu),
    row('wall', 'ms', (of) => of.seconds * 1000, TARGETS.wall),
    row('tasks started', '', (of) => of.tasks ?? Number.NaN, undefined),
    row(MACHINE_CPU, 'ms', (of) => of.machineCpuSeconds * 1000, undefined),
  ];
}
