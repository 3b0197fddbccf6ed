import { readFile } from 'node:fs/promises';
import { imageDisk, volatileDisk } from '../../lab/models.ts';
import type { Disk } from '../../lab/opennebula/model.ts';
import { tool } from '../../lab/tools.ts';
import { contextLine, prolog, resize } from '../../lab/transfer-scripts.ts';
import {
  activeContent,
  type Check,
  content,
  type DiskShape,
  diskNames,
  type Format,
  holds,
  holdsLayers,
  layers,
  MIB,
  SIZE,
  standsAlone,
} from '../contents.ts';
import { directoryTree, flatTree } from '../names.ts';
import { BOTH, type Scenario } from '../scenario.ts';
import { callLine } from './call-line.ts';

/** What makes the disks of a VM on its host. */

const IMAGE = 'c3'.repeat(16);

interface FromImage {
  readonly action: 'tm/clone' | 'tm/ln';
  readonly variant?: string;
  readonly snapshots?: number;
  readonly grownMb?: number;
  readonly killedAs?: string;
}

/** An image of the front-end becomes disk 0 on host01; the image stays. */
function fromImage({ action, variant, snapshots = 0, grownMb, killedAs }: FromImage): Scenario {
  return {
    action,
    ...(variant === undefined ? {} : { variant }),
    ...(killedAs === undefined ? {} : { killedAs }),
    formats: BOTH,
    prepare: async (rig, format) => {
      const shape = layers(format, snapshots + 1, 'image');
      await rig.put(rig.at('frontend', 106), IMAGE, shape);
      const clone = action === 'tm/clone';
      const sizes = grownMb === undefined ? { sizeMb: 4 } : { sizeMb: grownMb, originalSizeMb: 4 };
      const vm = rig.vm({
        host: 'host01',
        disks: [imageDisk({ id: 0, source: rig.source(IMAGE), format, clone, ...sizes })],
        lcmState: 1,
        state: 3,
      });
      const disk = rig.at('host01', 107, String(vm.id), 'disk.0');
      const made: DiskShape = { ...layers(format, snapshots + 1, 'disk'), otherSelves: snapshots > 0 ? [IMAGE] : [] };
      const size = (grownMb ?? 4) * MIB;
      const checks = [
        ...holdsLayers(rig.at('frontend', 106, IMAGE), shape),
        ...(snapshots > 0 ? holdsLayers(disk, made) : [holds(disk, format, activeContent(made, size)), standsAlone(disk, format)]),
      ];
      const tree = [
        ...flatTree('frontend:106', diskNames(IMAGE, shape)),
        ...directoryTree(`host01:107/${vm.id}`, diskNames('disk.0', made)),
      ];
      return { call: callLine(rig, () => prolog(rig.model, vm)[0]), stdout: /^$/, after: () => ({ tree, checks }) };
    },
  };
}

/** A kernel is any file, and no disk of the VM. */
const kernel: Scenario = {
  action: 'tm/clone',
  variant: 'kernel',
  killedAs: 'tm/clone',
  formats: ['-'],
  prepare: async (rig) => {
    await rig.put(rig.at('frontend', 106), IMAGE, layers('raw', 1, 'image'));
    const vm = rig.vm({ host: 'host01', disks: [], lcmState: 1, state: 3 });
    const words = `frontend:${rig.source(IMAGE)} host01:${rig.model.datastoreLocation}/107/${vm.id}/kernel ${vm.id} 106`;
    const checks = [
      holds(rig.at('frontend', 106, IMAGE), 'raw', content(0)),
      holds(rig.at('host01', 107, String(vm.id), 'kernel'), 'raw', content(0)),
    ];
    const tree = [...flatTree('frontend:106', [IMAGE]), ...directoryTree(`host01:107/${vm.id}`, ['kernel'])];
    return { call: callLine(rig, () => `CLONE agent_local ${words}`), stdout: /^$/, after: () => ({ tree, checks }) };
  },
};

interface Volatile {
  readonly action: 'tm/mkimage' | 'tm/mkswap';
  readonly variant?: string;
  readonly formats: Scenario['formats'];
  readonly disk: (format: Format) => Disk;
  readonly check: (file: string, format: Format) => Check;
}

function volatileScenario({ action, variant, formats, disk, check }: Volatile): Scenario {
  return {
    action,
    ...(variant === undefined ? {} : { variant }),
    formats,
    prepare: async (rig, format) => {
      const vm = rig.vm({ host: 'host01', disks: [disk(format)], lcmState: 1, state: 3 });
      const tree = directoryTree(`host01:107/${vm.id}`, ['disk.0']);
      const checks = [check(rig.at('host01', 107, String(vm.id), 'disk.0'), format)];
      return { call: callLine(rig, () => prolog(rig.model, vm)[0]), stdout: /^$/, after: () => ({ tree, checks }) };
    },
  };
}

/** Bytes at an offset of what a guest reads. */
function has(offset: number, bytes: Buffer, sizeMb: number): (file: string, format: Format) => Check {
  return (file, format) => async () => {
    const raw = format === 'raw' ? file : `${file}.check`;
    if (format !== 'raw') await tool('qemu-img', 'convert', '-f', format, '-O', 'raw', file, raw);
    const found = await readFile(raw);
    if (format !== 'raw') await tool('rm', raw);
    if (found.length !== sizeMb * MIB) throw new Error(`${file} has ${found.length} bytes, expected ${sizeMb} MiB`);
    const there = found.subarray(offset, offset + bytes.length);
    if (!there.equals(bytes)) throw new Error(`${file} has ${there.toString('hex')} at ${offset}, expected ${bytes.toString('hex')}`);
  };
}

const EXT4 = has(1080, Buffer.from([0x53, 0xef]), 8);
const SWAP = has(4086, Buffer.from('SWAPSPACE2'), 4);

const context: Scenario = {
  action: 'tm/context',
  formats: ['-'],
  prepare: async (rig) => {
    const vm = rig.vm({ host: 'host01', disks: [], contextDisk: 1, lcmState: 1, state: 3 });
    await rig.one.writeContext(vm);
    const cd = rig.at('host01', 107, String(vm.id), 'disk.1');
    const checks = [
      async () => {
        const copy = `${rig.origins}/context.sh.${vm.id}`;
        await tool('xorriso', '-osirrox', 'on', '-indev', cd, '-extract', '/context.sh', copy);
        const text = await readFile(copy, 'utf8');
        if (!text.includes(`HOSTNAME='${vm.name}'`)) throw new Error(`the context CD holds ${JSON.stringify(text)}`);
        await tool('rm', '-f', copy);
      },
    ];
    const tree = directoryTree(`host01:107/${vm.id}`, ['disk.1']);
    return { call: callLine(rig, () => contextLine(rig.model, vm)), stdout: /^$/, after: () => ({ tree, checks }) };
  },
};

function growing(variant: string, count: number, killedAs?: string): Scenario {
  return {
    ...(killedAs === undefined ? {} : { killedAs }),
    action: 'tm/resize',
    variant,
    formats: BOTH,
    prepare: async (rig, format) => {
      const shape = layers(format, count, 'disk');
      const disk = imageDisk({ id: 0, source: rig.source(IMAGE), format, sizeMb: 4 });
      const vm = rig.vm({ host: 'host01', disks: [disk] });
      await rig.put(rig.at('host01', 107, String(vm.id)), 'disk.0', shape);
      const file = rig.at('host01', 107, String(vm.id), 'disk.0');
      const [, ...snapshots] = holdsLayers(file, shape);
      const expected = Buffer.concat([activeContent(shape, SIZE), Buffer.alloc(2 * MIB)]);
      return {
        call: callLine(rig, () => resize(rig.model, vm, disk, 6)[0]),
        stdout: /^$/,
        after: () => ({
          tree: directoryTree(`host01:107/${vm.id}`, diskNames('disk.0', shape)),
          checks: [holds(file, format, expected), ...snapshots],
        }),
      };
    },
  };
}

export const deploy: readonly Scenario[] = [
  fromImage({ action: 'tm/clone' }),
  fromImage({ action: 'tm/clone', variant: 'grown', grownMb: 6, killedAs: 'tm/clone' }),
  kernel,
  fromImage({ action: 'tm/ln', killedAs: 'tm/ln with snapshots' }),
  fromImage({ action: 'tm/ln', variant: 'with snapshots', snapshots: 1 }),
  volatileScenario({
    action: 'tm/mkimage',
    formats: BOTH,
    disk: (format) => volatileDisk({ id: 0, kind: 'fs', format, sizeMb: 4 }),
    check: (file, format) => holds(file, format, Buffer.alloc(SIZE)),
  }),
  volatileScenario({
    action: 'tm/mkimage',
    variant: 'with a file system',
    formats: BOTH,
    disk: (format) => volatileDisk({ id: 0, kind: 'fs', format, sizeMb: 8, fileSystem: 'ext4' }),
    check: EXT4,
  }),
  volatileScenario({ action: 'tm/mkswap', formats: ['-'], disk: () => volatileDisk({ id: 0, kind: 'swap', sizeMb: 4 }), check: SWAP }),
  context,
  growing('without snapshots', 1, 'tm/resize with snapshots'),
  growing('with snapshots', 2),
];
