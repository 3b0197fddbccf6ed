import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { newImage } from '../lab/life-images.ts';
import { addVm, imageDisk } from '../lab/models.ts';
import { backupDocument, vmDocument } from '../lab/opennebula/documents.ts';
import type { Image, Vm } from '../lab/opennebula/model.ts';
import { makeRaw } from '../lab/origins.ts';
import { sameContent, tool } from '../lab/tools.ts';
import type { Account } from './account.ts';
import { type Measured, median } from './measure.ts';
import { type Bench, sessionLine, shimLine } from './sides.ts';
import { startSsh } from './ssh.ts';
import { type Kind, STOCK_BACKUPS } from './stock-backups.ts';
import { atMost, type Row, timesLess } from './table.ts';

/** Backup, increment and restore in place, with the same programs and the same kind of server on both sides. */

const SIZE_MB = 1024;
const SHARE = 0.2;
/** Of the data. */
const CHANGED = 0.01;
const INCREMENT_LIMIT = 0.03;
const BACKUPS = 105;
const SYSTEM = 107;
const MIB = 1 << 20;
const PASSWORD = 'bench';

const STEPS = ['full backup', 'increment, 1 % changed', 'restore in place'] as const;
type Step = (typeof STEPS)[number];
interface Taken extends Measured {
  /** The most that lay on disk on the way, above what lay there before. */
  readonly peakBytes: number;
}

export interface BackupServer {
  /** Where its keys and configuration are; the agents have `fresh` in it as their ssh_config. */
  readonly directory: string;
  readonly account: Account;
}

export async function* runBackups(
  bench: Bench,
  server: BackupServer,
  scale: number,
  wanted: (name: string) => boolean,
): AsyncGenerator<readonly Row[]> {
  const kinds = (['restic', 'rsync'] as const).filter((kind) => wanted(`backup ${kind}`));
  if (kinds.length === 0) return;
  // Ours has an sshd of its own, in its own account.
  const ssh = await startSsh(server.directory, server.account);
  try {
    for (const kind of kinds) yield await runKind(bench, kind, Math.max(16, Math.round(SIZE_MB * scale)));
  } finally {
    await ssh.stop();
  }
}

async function runKind(bench: Bench, kind: Kind, sizeMb: number): Promise<Row[]> {
  const work = await mkdtemp(path.join(bench.cluster.site.directory, 'bench-'));
  const disks = await makeDisks(work, sizeMb);
  const ours = new Map<Step, Taken[]>(STEPS.map((step) => [step, []]));
  const stock = new Map<Step, Taken[]>(STEPS.map((step) => [step, []]));
  for (let round = 0; round < bench.rounds; round += 1) {
    for await (const [step, taken] of onStock(bench, kind, path.join(work, `stock-${round}`), disks)) stock.get(step)?.push(taken);
    for await (const [step, taken] of onOurs(bench, kind, path.join(work, `ours-${round}`), disks)) ours.get(step)?.push(taken);
  }
  await rm(work, { recursive: true, force: true });
  return STEPS.flatMap((step) => compare(`backup ${kind}: ${step}`, stock.get(step) ?? [], ours.get(step) ?? [])).concat(
    limitOf(kind, ours),
  );
}

/** What staging leaves: a whole image, and one with what changed since; and what the disk then is. */
interface Disks {
  readonly full: string;
  readonly increment: string;
  readonly golden: string;
  readonly sizeMb: number;
}

async function makeDisks(work: string, sizeMb: number): Promise<Disks> {
  const at = (name: string) => path.join(work, name);
  const [full, increment, golden] = [at('full'), at('increment'), at('golden')];
  await makeRaw(golden, sizeMb, SHARE);
  await tool('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', golden, full);
  await tool('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', golden, '-F', 'raw', increment);
  const kib = Math.max(64, Math.round((sizeMb * SHARE * CHANGED * 1024) / 64) * 64);
  for (const [format, file] of [
    ['qcow2', increment],
    ['raw', golden],
  ] as const)
    await tool('qemu-io', '-f', format, '-c', `write -q -P 77 0 ${kib}k`, file);
  await tool('qemu-img', 'rebase', '-u', '-f', 'qcow2', '-b', '', increment);
  await tool('sync', full, increment);
  return { full, increment, golden, sizeMb };
}

let nextVm = 900;

async function* onOurs(bench: Bench, kind: Kind, root: string, disks: Disks): AsyncGenerator<[Step, Taken]> {
  const { cluster } = bench;
  const { model } = cluster.one;
  const [base, temporary] = [path.join(root, 'server'), path.join(root, 'tmp')];
  for (const directory of [base, temporary]) await mkdir(directory, { recursive: true });
  const restic = { RESTIC_PASSWORD: PASSWORD, RESTIC_SFTP_SERVER: 'backup1', RESTIC_SFTP_USER: 'root', RESTIC_TMP_DIR: temporary };
  const template: Record<string, string> =
    kind === 'restic' ? restic : { RSYNC_HOST: 'backup1', RSYNC_USER: 'root', RSYNC_TMP_DIR: temporary };
  model.datastores.set(BACKUPS, { id: BACKUPS, name: 'backups', type: 3, dsMad: `agent_${kind}`, tmMad: '-', basePath: base, template });
  const vm = addBackupVm(bench, disks.sizeMb);
  const directory = path.join(cluster.agent('host01').datastores, String(SYSTEM), String(vm.id));
  const image = imageOf(vm);
  model.images.set(image.id, image);
  for (const [increment, file] of [disks.full, disks.increment].entries()) {
    await stage(path.join(directory, 'backup'), file, increment, vmDocument(model, vm));
    const [document, answer] = [path.join(root, 'document'), path.join(root, 'answer')];
    await writeFile(document, backupDocument(model, vm, BACKUPS));
    const words = [`host01:${model.datastoreLocation}/${SYSTEM}/${vm.id}`, '0', `one-${vm.id}`, '-', vm.id, SYSTEM].map(
      (word) => `'${word}'`,
    );
    const line = `'${cluster.shims}/datastore/agent_${kind}/backup' ${words.join(' ')} <'${document}' >'${answer}'`;
    await evict(directory, base);
    yield [increment === 0 ? STEPS[0] : STEPS[1], await watched([directory, temporary], () => bench.ours([line]))];
    const [source = '', size = ''] = (await readFile(answer, 'utf8')).split(' ');
    image.backup?.increments.push({ id: increment, source, sizeMb: Number(size), type: increment === 0 ? 'FULL' : 'INCREMENT' });
    Object.assign(vm.backup ?? {}, { imageId: image.id, lastIncrementId: increment });
  }
  await rm(path.join(directory, 'backup'), { recursive: true });
  await writeFile(path.join(directory, 'disk.0'), '');
  Object.assign(vm, { state: 3, lcmState: 71 });
  await evict(base);
  const line = shimLine(cluster, 'restore', [`host01:${model.datastoreLocation}/${SYSTEM}/${vm.id}`, vm.id, image.id, -1, -1]);
  yield [STEPS[2], await watched([directory, temporary], () => bench.ours([line]))];
  await sameContent(disks.golden, 'raw', path.join(directory, 'disk.0'), 'qcow2');
  await rm(directory, { recursive: true });
  model.vms.delete(vm.id);
}

async function* onStock(bench: Bench, kind: Kind, root: string, disks: Disks): AsyncGenerator<[Step, Taken]> {
  const [base, temporary, directory] = [path.join(root, 'server'), path.join(root, 'tmp'), path.join(root, 'vm')];
  for (const each of [base, temporary, directory]) await mkdir(each, { recursive: true });
  const place = { base, temporary, directory, password: PASSWORD };
  for (const [increment, file] of [disks.full, disks.increment].entries()) {
    await stage(path.join(directory, 'backup'), file, increment, '<VM/>');
    const lines = STOCK_BACKUPS[kind].backup(place, increment, sessionLine);
    await evict(directory, base);
    yield [increment === 0 ? STEPS[0] : STEPS[1], await watched([directory, temporary], () => bench.stock(lines, 'shared'))];
  }
  await rm(path.join(directory, 'backup'), { recursive: true });
  await evict(base);
  const lines = STOCK_BACKUPS[kind].restore(place, sessionLine);
  yield [STEPS[2], await watched([directory, temporary], () => bench.stock(lines, 'shared'))];
  await sameContent(disks.golden, 'raw', path.join(directory, 'disk.0'), 'qcow2');
}

async function stage(directory: string, file: string, increment: number, document: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  await tool('cp', '--sparse=always', file, path.join(directory, `disk.0.${increment}`));
  await writeFile(path.join(directory, 'vm.xml'), `${Buffer.from(document).toString('base64')}\n`);
  await tool('sync', '-f', directory);
}

/** Out of the memory of the machine: what is read of these directories is read from disk. */
async function evict(...directories: readonly string[]): Promise<void> {
  await tool('sync', '-f', ...directories);
  await tool('find', ...directories, '-type', 'f', '-exec', 'dd', 'if={}', 'iflag=nocache', 'count=0', 'status=none', ';');
}

function addBackupVm({ cluster }: Bench, sizeMb: number): Vm {
  const { model } = cluster.one;
  nextVm += 1;
  const disk = imageDisk({ id: 0, source: `${model.datastoreLocation}/106/image`, format: 'qcow2', sizeMb });
  const backup = { mode: 'INCREMENT' as const, lastIncrementId: -1, images: [] };
  return addVm(model, { id: nextVm, disks: [disk], host: 'host01', state: 8, lcmState: 0, backup });
}

function imageOf(vm: Vm): Image {
  const plain = newImage(BACKUPS, { id: vm.id, name: `backup of ${vm.id}`, type: 6, path: '' });
  return { ...plain, source: 'x', format: 'raw', backup: { vmId: vm.id, diskIds: [0], increments: [] } };
}

const LOOK_MS = 20;

/** How much more than before lies in these directories, at most. */
async function watched(directories: readonly string[], work: () => Promise<Measured>): Promise<Taken> {
  const sum = async (): Promise<number> => (await Promise.all(directories.map(allocated))).reduce((all, one) => all + one, 0);
  const before = await sum();
  let peak = before;
  let isOver = false;
  const looking = (async () => {
    while (!isOver) {
      peak = Math.max(peak, await sum());
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  })();
  const measured = await work().finally(() => {
    isOver = true;
  });
  await looking;
  return { ...measured, peakBytes: peak - before };
}

async function allocated(directory: string): Promise<number> {
  const names = await readdir(directory, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(path.join(directory, name)).then(
        ({ blocks }) => blocks * 512,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((all, size) => all + size, 0);
}

function compare(name: string, stock: readonly Taken[], ours: readonly Taken[]): Row[] {
  const [theirs, own] = [median(stock), median(ours)];
  const most = (runs: readonly Taken[]): number => Math.max(...runs.map(({ peakBytes }) => peakBytes)) / MIB;
  const row = (metric: string, unit: Row['unit'], pick: (of: Measured) => number): Row =>
    timesLess({ case: name, metric, unit, baseline: 'a: programs over ssh', stock: pick(theirs), ours: pick(own) }, undefined);
  return [
    row('wall', 's', (of) => of.seconds),
    row('CPU', 's', (of) => of.cpuSeconds),
    row('bytes on the wire', 'MiB', (of) => (of.wireBytes ?? Number.NaN) / MIB),
    row('bytes read', 'MiB', (of) => of.readBytes / MIB),
    {
      ...row('disk, at most', 'MiB', () => 0),
      ...{ stock: most(stock), ours: most(ours), ratio: most(ours) < 1 ? Number.NaN : most(stock) / most(ours) },
    },
  ];
}

function limitOf(kind: Kind, ours: ReadonlyMap<Step, readonly Taken[]>): Row {
  const wire = (step: Step): number => (median(ours.get(step) ?? []).wireBytes ?? Number.NaN) / MIB;
  const [full, increment] = [wire(STEPS[0]), wire(STEPS[1])];
  const of = {
    case: `backup ${kind}: increment of the full one`,
    metric: 'bytes on the wire',
    unit: 'MiB',
    baseline: 'full backup',
  } as const;
  return atMost({ ...of, stock: full, ours: increment }, full * INCREMENT_LIMIT, `≤ ${INCREMENT_LIMIT * 100} %`);
}
