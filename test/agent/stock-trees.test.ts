import { createHash } from 'node:crypto';
import { lstat, mkdir, readFile, readlink, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { inspectImages, inspectVms } from '../../agent/backends/file/inspect.ts';
import type { AgentContext } from '../../agent/context.ts';
import { createSnapshot } from '../../agent/operations/create-snapshot.ts';
import { deleteSnapshot } from '../../agent/operations/delete-snapshot.ts';
import { receive } from '../../agent/operations/receive.ts';
import { removeDisk } from '../../agent/operations/remove-disk.ts';
import { removeImage } from '../../agent/operations/remove-image.ts';
import { resizeDisk } from '../../agent/operations/resize-disk.ts';
import { revertSnapshot } from '../../agent/operations/revert-snapshot.ts';
import type { OperationKind } from '../../runtime/operations/types.ts';
import { testContext } from '../helpers/context.ts';
import { tree as namesBelow, program } from '../helpers/disks.ts';
import { checkStockLayout } from '../helpers/stock/check-layout.ts';
import {
  COPIED_IMAGE,
  copyStockTree,
  IMAGE,
  LAYERED_DISK,
  LAYERED_IMAGE,
  makeStockTree,
  RAW_IMAGE,
  type StockDisk,
  type StockTree,
  VM_DISKS,
} from '../helpers/stock/trees.ts';
import { lacks } from './tools/context.ts';

const incomplete = await lacks('qemu-img');
let made: StockTree;
let stock: StockTree;
let agent: AgentContext;
let count = 0;

async function perform<Input, Result>(kind: OperationKind<Input, Result>, input: unknown): Promise<Result> {
  // As the journal gives it back.
  return await kind.run(kind.input.parse(JSON.parse(JSON.stringify(input))), testContext({ operationId: `op-${++count}` }));
}

/** What a guest reads, by its digest. The layer is opened where it stands, with its chain found from inside .snap. */
async function content(file: string, format: string): Promise<string> {
  const real = path.join(path.dirname(file), await readlink(file).catch(() => path.basename(file)));
  const raw = path.join(stock.base, `content-${++count}`);
  await program('qemu-img', 'convert', '-f', format, '-O', 'raw', real, raw);
  const digest = createHash('sha256')
    .update(await readFile(raw))
    .digest('hex');
  await unlink(raw);
  return digest;
}

/** The disk's content and that of each of its snapshots. */
async function contents(directory: string, disk: StockDisk, name = disk.name): Promise<Record<string, string>> {
  const found: Record<string, string> = { now: await content(path.join(directory, name), disk.format) };
  for (const [id, layer] of Object.entries(disk.snapshots))
    found[id] = await content(path.join(directory, `${name}.snap`, layer), disk.format);
  return found;
}

async function problems(vms: readonly string[] = ['9'], images: readonly string[] = [IMAGE, RAW_IMAGE]): Promise<string[]> {
  const common = { datastores: stock.datastores, elsewhere: new Set<string>(), moving: new Set<string>(), isActive: () => false };
  const signal = new AbortController().signal;
  const found: string[] = [];
  for await (const one of inspectVms({ ...common, datastoreId: 0, known: new Set(vms), signal })) found.push(`${one.problem} ${one.path}`);
  for await (const one of inspectImages({ ...common, datastoreId: 1, known: new Set(images), signal }))
    found.push(`${one.problem} ${one.path}`);
  return found;
}

/** Nothing that stock could not use, and nothing left over. */
async function mustBeStock(...directories: readonly string[]): Promise<void> {
  for (const directory of [stock.vm, stock.images, ...directories]) expect(await checkStockLayout(directory)).toEqual([]);
}

const local = (source: object): object => ({
  ticket: { capability: 'c', address: 'localhost:1', hostName: 'host01', machineId: 'machine-1' },
  source: { format: '', flat: false, ...source },
  bytesPerSecond: 0,
});

beforeAll(async () => {
  if (!incomplete) made = await makeStockTree();
});
afterAll(() => made?.remove());

beforeEach(async () => {
  if (incomplete) return;
  stock = await copyStockTree(made);
  agent = {
    datastores: stock.datastores,
    hostName: 'host01',
    machineId: 'machine-1',
    log: { debug: () => undefined },
  } as unknown as AgentContext;
});
afterEach(() => stock?.remove());

const disks = VM_DISKS.map((disk) => [disk.name, disk] as const);
const withSnapshots = disks.filter(([, disk]) => Object.keys(disk.snapshots).length > 0);
const place = (name: string): object => ({ datastoreId: 0, path: `9/${name}` });

describe.skipIf(incomplete)('a directory that the stock drivers wrote', () => {
  it('is as the contract says, and nothing in it is out of place', async () => {
    await mustBeStock();
    expect(await problems()).toEqual([]);
  });

  it.each(disks)('%s grows', async (name, disk) => {
    const before = await contents(stock.vm, disk);
    await perform(resizeDisk(agent), { target: place(name), sizeBytes: 1024 * 1024, format: disk.format, preallocate: false });
    const { now, ...snapshots } = await contents(stock.vm, disk);
    const { now: was, ...unchanged } = before;
    expect(snapshots).toEqual(unchanged);
    expect(now).not.toBe(was);
    await mustBeStock();
    expect(await problems()).toEqual([]);
  });

  it.each(disks)('%s gets a snapshot, goes back to it, and loses it', async (name, disk) => {
    const id = 12;
    const before = await contents(stock.vm, disk);
    const input = { disk: place(name), snapshotId: id, format: disk.format };
    await perform(createSnapshot(agent), input);
    expect(await contents(stock.vm, disk)).toEqual(before);
    await mustBeStock();
    const file = path.join(stock.vm, name);
    const active = path.join(stock.vm, await readlink(file).catch(() => name));
    await program('qemu-io', '-f', disk.format, '-c', 'write -P 99 0 4096', active);
    expect((await contents(stock.vm, disk))['now']).not.toBe(before['now']);
    await perform(revertSnapshot(agent), input);
    expect(await contents(stock.vm, disk)).toEqual(before);
    await mustBeStock();
    await perform(deleteSnapshot(agent), input);
    expect(await contents(stock.vm, disk)).toEqual(before);
    await mustBeStock();
    expect(await problems()).toEqual([]);
  });

  it.each(withSnapshots)('%s goes back to a snapshot of stock, and loses it; the others stay', async (name, disk) => {
    const id = Number(Object.keys(disk.snapshots).at(-1));
    const before = await contents(stock.vm, disk);
    const input = { disk: place(name), snapshotId: id, format: disk.format };
    await perform(revertSnapshot(agent), input);
    expect(await contents(stock.vm, disk)).toEqual({ ...before, now: before[id] });
    await mustBeStock();
    await perform(deleteSnapshot(agent), input);
    const { [id]: gone, ...rest } = disk.snapshots;
    const { [id]: digest, ...others } = before;
    expect(await contents(stock.vm, { ...disk, snapshots: rest })).toEqual({ ...others, now: digest });
    expect(await lstat(path.join(stock.vm, `${name}.snap`, gone ?? '')).catch(() => 'gone')).toBe('gone');
    await mustBeStock();
    expect(await problems()).toEqual([]);
  });

  it.each(disks)('%s goes back into an image with its snapshots, and becomes a disk again', async (name, disk) => {
    const before = await contents(stock.vm, disk);
    const image = { datastoreId: 1, path: IMAGE };
    const toImage = { target: { type: 'image', place: image, format: disk.format, withSnapshots: true } };
    await perform(receive(agent), { ...local({ place: place(name), format: disk.format }), ...toImage });
    expect(await contents(stock.images, disk, IMAGE)).toEqual(before);
    expect(await lstat(path.join(stock.images, `${IMAGE}.md5sum`)).catch(() => 'gone')).toBe('gone');
    expect(await contents(stock.vm, disk)).toEqual(before);
    await mustBeStock();
    const target = { type: 'disk', place: place('disk.8'), format: disk.format, sizeBytes: 0, preallocate: false, monitor: 'ssh' };
    await perform(receive(agent), { ...local({ place: image, format: disk.format }), target });
    expect(await contents(stock.vm, disk, 'disk.8')).toEqual(before);
    await mustBeStock();
    expect(await problems()).toEqual([]);
  });

  it.each(disks)('%s is saved as an image, also by a snapshot', async (name, disk) => {
    const before = await contents(stock.vm, disk);
    for (const [id, digest] of Object.entries(before)) {
      const snapshot = id === 'now' ? {} : { snapshotId: Number(id) };
      const target = { type: 'image', place: { datastoreId: 1, path: 'saved' }, format: disk.format, withSnapshots: false };
      await perform(receive(agent), { ...local({ place: place(name), format: disk.format, flat: true, ...snapshot }), target });
      expect(await content(path.join(stock.images, 'saved'), disk.format)).toBe(digest);
      expect((await lstat(path.join(stock.images, 'saved'))).isFile()).toBe(true);
    }
    expect(await contents(stock.vm, disk)).toEqual(before);
    await mustBeStock();
    expect(await problems(['9'], [IMAGE, RAW_IMAGE, 'saved'])).toEqual([]);
  });

  it.each([LAYERED_IMAGE, COPIED_IMAGE].map((image) => [image.name, image] as const))(
    'the image %s becomes a disk',
    async (name, image) => {
      const before = await contents(stock.images, image);
      const target = {
        type: 'disk',
        place: place('disk.8'),
        format: image.format,
        sizeBytes: 1024 * 1024,
        preallocate: false,
        monitor: 'ssh',
      };
      await perform(receive(agent), { ...local({ place: { datastoreId: 1, path: name }, format: image.format }), target });
      const { now: _larger, ...snapshots } = await contents(stock.vm, image, 'disk.8');
      const { now: _small, ...same } = before;
      expect(snapshots).toEqual(same);
      expect(await contents(stock.images, image)).toEqual(before);
      expect(await readFile(path.join(stock.datastores, '0/.monitor'), 'utf8')).toMatch(/^ssh\n?$/);
      await mustBeStock();
      expect(await problems()).toEqual([]);
    },
  );

  it('moves to another datastore as a whole', async () => {
    const before = await Promise.all(VM_DISKS.map((disk) => contents(stock.vm, disk)));
    const names = await namesBelow(stock.vm);
    const texts = await Promise.all(
      ['vm.xml', 'ds.xml', 'deployment.1', 'checkpoint', 'disk.6'].map((name) => readFile(path.join(stock.vm, name))),
    );
    const target = { type: 'directory', place: { datastoreId: 104, path: '9' }, monitor: 'ssh' };
    await perform(receive(agent), { ...local({ place: { datastoreId: 0, path: '9' } }), target });
    const moved = path.join(stock.datastores, '104/9');
    expect(await namesBelow(moved)).toEqual(names);
    expect(await Promise.all(VM_DISKS.map((disk) => contents(moved, disk)))).toEqual(before);
    expect(
      await Promise.all(['vm.xml', 'ds.xml', 'deployment.1', 'checkpoint', 'disk.6'].map((name) => readFile(path.join(moved, name)))),
    ).toEqual(texts);
    expect(await checkStockLayout(moved)).toEqual([]);
    // A pointer still has the old path, and means the same layer.
    await perform(revertSnapshot(agent), { disk: { datastoreId: 104, path: '9/disk.1' }, snapshotId: 10, format: 'qcow2' });
    expect((await contents(moved, LAYERED_DISK))['now']).toBe(before[1]?.['10']);
  });

  it('goes, disk by disk and as a whole, and takes nothing else with it', async () => {
    const images = await namesBelow(stock.images);
    for (const disk of [...VM_DISKS.map(({ name }) => name), 'disk.4', 'disk.5', 'disk.6'])
      await perform(removeDisk(agent), { target: place(disk) });
    const rest = ['checkpoint', 'deployment.0', 'deployment.1', 'ds.xml', 'vm.xml'];
    expect(await namesBelow(stock.vm)).toEqual(rest);
    await symlink(path.join(stock.images, IMAGE), path.join(stock.vm, 'disk.4'));
    await perform(removeDisk(agent), { target: { datastoreId: 0, path: '9' } });
    expect(await namesBelow(path.join(stock.datastores, '0'))).toEqual(['.monitor']);
    expect(await namesBelow(stock.images)).toEqual(images);
    for (const name of [IMAGE, RAW_IMAGE]) await perform(removeImage(agent), { target: { datastoreId: 1, path: name } });
    expect(await namesBelow(stock.images)).toEqual([]);
  });
});

describe.skipIf(incomplete)('the check of the layout', () => {
  it.each<[string, (vm: string) => Promise<unknown>, string]>([
    ['an absolute link', async (vm) => relink(vm, path.join(vm, 'disk.1.snap/11')), 'disk.1: points at'],
    ['a link to no number', async (vm) => relink(vm, 'disk.1.snap/base'), 'disk.1: points at'],
    ['a missing layer', async (vm) => rm(path.join(vm, 'disk.1.snap/11')), 'disk.1: disk.1.snap/11 is no plain file'],
    [
      'no self link',
      async (vm) => rm(path.join(vm, 'disk.1.snap/disk.1.snap')),
      'disk.1.snap/1: its backing name disk.1.snap/0 does not resolve',
    ],
    ['an odd name', async (vm) => writeFile(path.join(vm, 'disk.3.snap/x'), ''), 'disk.3.snap/x: not a number'],
    ['a stage', async (vm) => mkdir(path.join(vm, '.onestorage.a.disk.1')), '.onestorage.a.disk.1: a temporary name'],
    ['a pointer at nothing', async (vm) => writeFile(path.join(vm, 'disk.1.snap/10.current'), '/x/7\n'), 'disk.1.snap/10.current: names 7'],
  ])('sees %s', async (_what, spoil, expected) => {
    await spoil(stock.vm);
    expect((await checkStockLayout(stock.vm)).join('\n')).toContain(expected);
  });
});

async function relink(vm: string, text: string): Promise<void> {
  await unlink(path.join(vm, 'disk.1'));
  await symlink(text, path.join(vm, 'disk.1'));
}
