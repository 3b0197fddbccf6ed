import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Monitor } from '../../../agent/monitor/monitor.ts';
import { createLogger } from '../../../runtime/log.ts';

const execute = promisify(execFile);
const KIB = 1024;

let base: string;
let datastores: string;
let clock: number;
let monitor: Monitor;

beforeEach(async () => {
  base = await mkdtemp(path.join(os.tmpdir(), 'onestorage-monitor-'));
  datastores = path.join(base, 'datastores');
  await mkdir(path.join(datastores, '107'), { recursive: true });
  await writeFile(path.join(datastores, '107', '.monitor'), 'agent_local\n');
  // Late enough that what was made a moment ago counts as settled.
  clock = Date.now() + 300_000;
  monitor = newMonitor();
});
afterEach(async () => {
  await monitor.stop();
  await rm(base, { recursive: true, force: true });
});

function newMonitor(drivers: readonly string[] = ['agent_local'], statsPerSecond = 100_000): Monitor {
  const log = createLogger('test', 'error');
  return new Monitor({ datastores, drivers, intervalMs: 3_600_000, statsPerSecond, log, now: () => clock });
}

const at = (...names: readonly string[]): string => path.join(datastores, '107', ...names);

/** A file that takes `kib` of disk and looks a gigabyte long. */
async function file(name: string, kib: number): Promise<void> {
  await mkdir(path.dirname(at(name)), { recursive: true });
  await writeFile(at(name), Buffer.alloc(kib * KIB, 1));
  await truncate(at(name), 1024 ** 3);
}

async function taken(...names: readonly string[]): Promise<number> {
  const sizes = await Promise.all(names.map((name) => stat(at(name))));
  return sizes.reduce((sum, { blocks }) => sum + blocks * 512, 0);
}

/** What a walk finds: `vm` → disk → bytes and snapshots. */
async function walked(datastore = 107): Promise<Record<string, Record<string, { size: number; snapshots: Record<string, number> }>>> {
  await monitor.walk();
  return Object.fromEntries(
    monitor
      .sizesIn(datastore)
      .map(({ id, disks }) => [
        id,
        Object.fromEntries(
          disks.map((disk) => [
            disk.id,
            { size: disk.allocated, snapshots: Object.fromEntries(disk.snapshots.map((one) => [one.id, one.allocated])) },
          ]),
        ),
      ]),
  );
}

const qemuImg = async (...argv: readonly string[]): Promise<void> => void (await execute('qemu-img', argv));

/** A disk with `layers` qcow2 files, the last one active, each with its own data, as the snapshots of the drivers leave it. */
async function chain(vm: string, layers: number): Promise<void> {
  await mkdir(at(vm, 'disk.0.snap'), { recursive: true });
  await symlink('.', at(vm, 'disk.0.snap', 'disk.0.snap'));
  for (let layer = 0; layer < layers; layer++) {
    const name = at(vm, 'disk.0.snap', String(layer));
    if (layer === 0) await qemuImg('create', '-q', '-f', 'qcow2', name, '64M');
    else await qemuImg('create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', `disk.0.snap/${layer - 1}`, name, '64M');
    await execute('qemu-io', ['-f', 'qcow2', '-c', `write -P 1 0 ${(layer + 1) * 128}k`, name]);
  }
  await symlink(`disk.0.snap/${layers - 1}`, at(vm, 'disk.0'));
}

describe('raw disks', () => {
  it('count what is allocated, not what they look like', async () => {
    await file('9/disk.0', 256);
    await file('9/disk.12', 64);
    expect(await walked()).toEqual({
      9: { 0: { size: await taken('9/disk.0'), snapshots: {} }, 12: { size: await taken('9/disk.12'), snapshots: {} } },
    });
    expect((await walked())['9']?.['0']?.size).toBeLessThan(1024 ** 2);
  });

  it('have their snapshots beside them, those from 10 on too', async () => {
    await file('9/disk.0', 64);
    for (const id of [0, 9, 10, 123]) await file(`9/disk.0.snap/${id}`, 64 + id);
    expect((await walked())['9']?.['0']).toEqual({
      size: await taken('9/disk.0'),
      snapshots: Object.fromEntries(await Promise.all([0, 9, 10, 123].map(async (id) => [id, await taken(`9/disk.0.snap/${id}`)]))),
    });
  });

  it('are never looked into, though they may look like qcow2 with layers', async () => {
    await file('9/disk.0.snap/0', 64);
    await qemuImg('create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-u', '-b', 'disk.0.snap/0', at('9/disk.0'), '64M');
    expect((await walked())['9']?.['0']?.size).toBe(await taken('9/disk.0'));
  });
});

describe('qcow2 disks', () => {
  it('count their whole chain, and every layer that is a snapshot', async () => {
    await chain('9', 12);
    const layers = Array.from({ length: 12 }, (_, layer) => `9/disk.0.snap/${layer}`);
    const found = (await walked())['9']?.['0'];
    expect(found?.size).toBe(await taken(...layers));
    expect(Object.keys(found?.snapshots ?? {})).toEqual(Array.from({ length: 11 }, (_, id) => String(id)));
    expect(found?.snapshots['10']).toBe(await taken('9/disk.0.snap/10'));
  });

  it('count no branch they do not stand on', async () => {
    await chain('9', 3);
    await rm(at('9/disk.0'));
    await symlink('disk.0.snap/1', at('9/disk.0'));
    const found = (await walked())['9']?.['0'];
    expect(found?.size).toBe(await taken('9/disk.0.snap/0', '9/disk.0.snap/1'));
    expect(Object.keys(found?.snapshots ?? {})).toEqual(['0', '2']);
  });

  it('count no image of another datastore', async () => {
    await mkdir(path.join(datastores, '106'));
    await qemuImg('create', '-q', '-f', 'qcow2', path.join(datastores, '106', 'image'), '64M');
    await mkdir(at('9', 'disk.0.snap'), { recursive: true });
    await qemuImg('create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', path.join(datastores, '106', 'image'), at('9', 'disk.0.snap', '0'));
    await symlink('disk.0.snap/0', at('9', 'disk.0'));
    expect((await walked())['9']?.['0']).toEqual({ size: await taken('9/disk.0.snap/0'), snapshots: {} });
  });

  it('end where a layer is broken', async () => {
    await chain('9', 3);
    await writeFile(at('9/disk.0.snap/1'), 'noise');
    expect((await walked())['9']?.['0']?.size).toBe(await taken('9/disk.0.snap/2', '9/disk.0.snap/1'));
  });
});

describe('a datastore', () => {
  it('may hold machines without disks, foreign names and dangling links', async () => {
    await mkdir(at('1'));
    await mkdir(at('lost+found'));
    await writeFile(at('2'), 'a file named like a machine');
    await file('3/.onestorage.op-1.disk.0', 64);
    await file('3/disk.0.tmp', 64);
    await mkdir(at('4'));
    await symlink('disk.0.snap/0', at('4', 'disk.0'));
    await file('5/disk.0', 64);
    for (const name of ['base', '.onestorage.op-1.3', '1.current', '007']) await file(`5/disk.0.snap/${name}`, 64);
    await symlink('.', at('5', 'disk.0.snap', 'disk.0.snap'));
    expect(await walked()).toEqual({ 5: { 0: { size: await taken('5/disk.0'), snapshots: {} } } });
  });

  it('measures the others when one machine cannot be measured', async () => {
    for (const vm of [4, 6]) await file(`${vm}/disk.0`, 64);
    await mkdir(at('5'));
    // An error of the file system that even root gets.
    await symlink('x'.repeat(300), at('5', 'disk.0'));
    expect(Object.keys(await walked())).toEqual(['4', '6']);
  });

  it('is left alone with another marker or none', async () => {
    await file('9/disk.0', 64);
    for (const [id, marker] of [
      ['108', 'ssh\n'],
      ['109', 'replica'],
    ] as const) {
      await mkdir(path.join(datastores, id, '9'), { recursive: true });
      await writeFile(path.join(datastores, id, '9', 'disk.0'), 'x');
      await writeFile(path.join(datastores, id, '.monitor'), marker);
    }
    await walked();
    expect(monitor.sizes().map(({ id }) => id)).toEqual([9]);
    await rm(at('.monitor'));
    expect(await walked()).toEqual({});
  });

  it('is nothing when there are no datastores yet', async () => {
    await rm(datastores, { recursive: true });
    expect(await walked()).toEqual({});
  });
});

describe('a second walk', () => {
  it('looks only at what can have changed', async () => {
    await chain('9', 12);
    await file('10/disk.0', 64);
    const first = await walked();
    const looks = monitor.looks;
    expect(await walked()).toEqual(first);
    // The names of the datastore; then each machine's directory and each disk; of the chain its directory and its link.
    expect(monitor.looks - looks).toBe(1 + 2 + 2 + 2);
  });

  it('sees a disk that grew', async () => {
    await chain('9', 2);
    const before = (await walked())['9']?.['0']?.size ?? 0;
    await execute('qemu-io', ['-f', 'qcow2', '-c', 'write -P 2 8M 1M', at('9/disk.0.snap/1')]);
    expect((await walked())['9']?.['0']?.size).toBeGreaterThanOrEqual(before + 1024 ** 2);
  });

  it('sees new disks, snapshots, machines, and what has gone', async () => {
    await file('9/disk.0', 64);
    await file('8/disk.0', 64);
    await walked();
    await file('9/disk.1', 64);
    await file('9/disk.0.snap/0', 64);
    await file('11/disk.0', 64);
    await rm(at('8'), { recursive: true });
    clock += 10_000;
    const found = await walked();
    expect(Object.keys(found)).toEqual(['9', '11']);
    expect(Object.keys(found['9'] ?? {})).toEqual(['0', '1']);
    expect(Object.keys(found['9']?.['0']?.snapshots ?? {})).toEqual(['0']);
    await rename(at('9/disk.0.snap/0'), at('9/disk.0.snap/1'));
    expect(Object.keys((await walked())['9']?.['0']?.snapshots ?? {})).toEqual(['1']);
  });

  it('trusts no directory that has just changed', async () => {
    clock = Date.now();
    await file('9/disk.0', 64);
    await walked();
    const looks = monitor.looks;
    await walked();
    // The names of the datastore; the machine's directory, and its names once more; its disk.
    expect(monitor.looks - looks).toBe(4);
  });

  it('measures lower layers again after some minutes', async () => {
    await chain('9', 2);
    const before = await walked();
    await execute('qemu-io', ['-f', 'qcow2', '-c', 'write -P 2 8M 1M', at('9/disk.0.snap/0')]);
    expect(await walked()).toEqual(before);
    clock += 11 * 60_000;
    expect((await walked())['9']?.['0']?.snapshots['0']).toBe(await taken('9/disk.0.snap/0'));
  });
});

describe('thousands of machines', () => {
  const MACHINES = 3000;

  it('cost a look a machine and one a disk when nothing has changed, and never more a second than is allowed', async () => {
    for (let id = 0; id < MACHINES; id++) {
      await mkdir(at(String(id)), { recursive: true });
      await writeFile(at(String(id), 'disk.0'), 'x');
    }
    await monitor.walk();
    expect(monitor.sizesIn(107)).toHaveLength(MACHINES);
    const first = monitor.looks;
    expect(first).toBeLessThanOrEqual(3 * MACHINES + 10);
    await monitor.walk();
    expect(monitor.looks - first).toBeLessThanOrEqual(2 * MACHINES + 10);
    // A fifth of the machines at most each second: a walk that is too big for its pace takes longer, not more.
    const slow = newMonitor(['agent_local'], 1000);
    const began = performance.now();
    const walk = slow.walk().catch(() => undefined);
    await expect.poll(() => slow.looks, { timeout: 30_000 }).toBeGreaterThan(300);
    expect(slow.looks / ((performance.now() - began) / 1000 + 0.1)).toBeLessThanOrEqual(1000);
    await slow.stop();
    await walk;
  });
});

describe('a datastore that nobody walks', () => {
  const shared = (...names: readonly string[]): string => path.join(datastores, '108', ...names);

  it('is measured when it is asked for, by what was known of it', async () => {
    await mkdir(shared('7'), { recursive: true });
    await writeFile(shared('7', 'disk.0'), Buffer.alloc(64 * KIB, 1));
    const [first, second] = await Promise.all([monitor.measure(108), monitor.measure(108)]);
    expect(first).toMatchObject([{ id: 7, disks: [{ id: 0, snapshots: [] }] }]);
    expect(second).toBe(first);
    const looks = monitor.looks;
    expect(await monitor.measure(108)).toEqual(first);
    // The list of machines, this machine's directory, its disk.
    expect(monitor.looks - looks).toBe(3);
    await monitor.walk();
    expect(monitor.sizes()).toEqual([]);
    await expect(monitor.measure(109)).rejects.toMatchObject({ reason: 'not_found', message: expect.stringContaining('datastore 109') });
  });

  it('is not measured twice when the walk has it', async () => {
    await file('7/disk.0', 64);
    await monitor.walk();
    const looks = monitor.looks;
    expect(await monitor.measure(107)).toBe(monitor.sizesIn(107));
    expect(monitor.looks).toBe(looks);
  });
});

describe('walks', () => {
  it('go on one at a time', async () => {
    await file('9/disk.0', 64);
    await monitor.walk();
    const looks = monitor.looks;
    await Promise.all([monitor.walk(), monitor.walk(), monitor.walk()]);
    expect(monitor.looks - looks).toBe(3);
  });

  it('end with the agent, in the middle', async () => {
    for (let vm = 0; vm < 40; vm++) await file(`${vm}/disk.0`, 4);
    monitor = new Monitor({
      datastores,
      drivers: ['agent_local'],
      intervalMs: 1,
      statsPerSecond: 10,
      log: createLogger('test', 'error'),
    });
    monitor.start();
    await monitor.stop();
    expect(monitor.looks).toBeLessThan(40);
    expect(monitor.sizes()).toEqual([]);
  });
});
