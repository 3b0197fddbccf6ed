import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { imageDisk } from '../../lab/models.ts';
import { deployTo, type Vm } from '../../lab/opennebula/model.ts';
import type { HostName } from '../../lab/site.ts';
import { epilog, migrate, migrateWords, resume, saveAs, stop, terminate } from '../../lab/transfer-scripts.ts';
import { type Check, content, diskNames, type Format, holds, holdsLayers, isFile, layers, putDisk, standsAlone } from '../contents.ts';
import { directoryTree, flatTree } from '../names.ts';
import type { Rig } from '../rig.ts';
import { BOTH, type Scenario } from '../scenario.ts';
import { callLine } from './call-line.ts';

/** What takes disks and directories of VMs elsewhere, back to images, or away. */

const IMAGE = 'd4'.repeat(16);
/** A file of the hypervisor, which must come along. */
const CHECKPOINT = randomBytes(200_000);
const FILES = ['checkpoint', 'vm.xml'];

interface Machine {
  readonly vm: Vm;
  /** Names in its directory. */
  readonly names: readonly string[];
  checks(host: HostName, datastoreId?: number): Check[];
}

/** A VM with one disk of two layers, and files of the hypervisor, on a host. */
async function machine(rig: Rig, format: Format, at: HostName, host: HostName = at): Promise<Machine> {
  const shape = layers(format, 2, 'disk');
  const vm = rig.vm({ host, disks: [imageDisk({ id: 0, source: rig.source(IMAGE), format, sizeMb: 4, clone: false })] });
  const directory = rig.at(at, 107, String(vm.id));
  await rig.put(directory, 'disk.0', shape);
  await writeFile(path.join(directory, 'checkpoint'), CHECKPOINT);
  await writeFile(path.join(directory, 'vm.xml'), '<VM/>\n');
  const checks = (where: HostName, datastoreId = 107): Check[] => {
    const there = rig.at(where, datastoreId, String(vm.id));
    return [
      ...holdsLayers(path.join(there, 'disk.0'), shape),
      isFile(path.join(there, 'checkpoint'), CHECKPOINT),
      isFile(path.join(there, 'vm.xml'), Buffer.from('<VM/>\n')),
    ];
  };
  return { vm, names: [...diskNames('disk.0', shape), ...FILES], checks };
}

interface Move {
  readonly variant: string;
  readonly from: HostName;
  readonly to: HostName;
  readonly datastoreId?: number;
  /** LCM state while oned runs the script. */
  readonly lcmState: number;
  lines(rig: Rig, vm: Vm): string[];
}

/** oned moves each disk and then the directory; only the last call does something. */
function move({ variant, from, to, datastoreId = 107, lcmState, lines }: Move): Scenario {
  return {
    action: 'tm/mv',
    variant,
    formats: BOTH,
    prepare: async (rig, format) => {
      const it = await machine(rig, format, from, from === 'frontend' ? 'host02' : from);
      Object.assign(it.vm, { state: 3, lcmState });
      if (to !== 'frontend') deployTo(it.vm, to, datastoreId, 'agent_local');
      const tree = directoryTree(`${to}:${datastoreId}/${it.vm.id}`, it.names);
      const call = callLine(rig, () => lines(rig, it.vm).at(-1));
      return { call, stdout: /^$/, after: () => ({ tree, checks: it.checks(to, datastoreId) }) };
    },
  };
}

const moveDisk: Scenario = {
  action: 'tm/mv',
  variant: 'one disk',
  formats: BOTH,
  prepare: async (rig, format) => {
    const it = await machine(rig, format, 'host01');
    Object.assign(it.vm, { state: 3, lcmState: 10 });
    const tree = directoryTree(`host01:107/${it.vm.id}`, it.names);
    return { call: callLine(rig, () => stop(rig.model, it.vm)[0]), stdout: /^$/, after: () => ({ tree, checks: it.checks('host01') }) };
  },
};

/** The disk replaces its image, with snapshots; it stays in the VM's directory, which is deleted next. */
function giveBack(variant: string, count: number, killedAs?: string): Scenario {
  return {
    ...(killedAs === undefined ? {} : { killedAs }),
    action: 'tm/mvds',
    variant,
    formats: BOTH,
    prepare: async (rig, format) => {
      const shape = layers(format, count, 'disk');
      await rig.put(rig.at('frontend', 106), IMAGE, layers(format, 1, 'image'));
      const vm = rig.vm({
        host: 'host01',
        disks: [imageDisk({ id: 0, source: rig.source(IMAGE), format, sizeMb: 4, clone: false })],
        state: 3,
        lcmState: 11,
      });
      await rig.put(rig.at('host01', 107, String(vm.id)), 'disk.0', shape);
      const image = layers(format, count, 'disk', 'disk.0');
      const tree = [
        ...flatTree('frontend:106', diskNames(IMAGE, image)),
        ...directoryTree(`host01:107/${vm.id}`, diskNames('disk.0', shape)),
      ];
      const checks = [
        ...holdsLayers(rig.at('frontend', 106, IMAGE), image),
        ...holdsLayers(rig.at('host01', 107, String(vm.id), 'disk.0'), shape),
      ];
      return { call: callLine(rig, () => epilog(rig.model, vm)[0]), stdout: /^$/, after: () => ({ tree, checks }) };
    },
  };
}

/** The disk, or its snapshot 0, as one file under a name that mkfs gave out. */
function save(variant: string, snapshotId: number): Scenario {
  return {
    action: 'tm/cpds',
    variant,
    formats: BOTH,
    prepare: async (rig, format) => {
      const it = await machine(rig, format, 'host01');
      const disk = it.vm.disks[0];
      const image = rig.at('frontend', 106, IMAGE);
      const tree = [...flatTree('frontend:106', [IMAGE]), ...directoryTree(`host01:107/${it.vm.id}`, it.names)];
      const checks = [holds(image, format, content(snapshotId < 0 ? 1 : snapshotId)), standsAlone(image, format), ...it.checks('host01')];
      const line = () => (disk === undefined ? undefined : saveAs(rig.model, it.vm, disk, rig.source(IMAGE), snapshotId)[0]);
      return { call: callLine(rig, line), stdout: /^$/, after: () => ({ tree, checks }) };
    },
  };
}

const deleteDisk: Scenario = {
  action: 'tm/delete',
  variant: 'disk',
  formats: BOTH,
  prepare: async (rig, format) => {
    const it = await machine(rig, format, 'host01');
    // disk.00 is another disk's name.
    const directory = rig.at('host01', 107, String(it.vm.id));
    await putDisk(directory, 'disk.00', layers('raw', 1, 'disk'));
    const tree = directoryTree(`host01:107/${it.vm.id}`, ['disk.00', ...FILES]);
    const checks = [holds(path.join(directory, 'disk.00'), 'raw', content(0))];
    return { call: callLine(rig, () => terminate(rig.model, it.vm)[0]), stdout: /^$/, after: () => ({ tree, checks }) };
  },
};

const deleteDirectory: Scenario = {
  action: 'tm/delete',
  variant: 'directory',
  formats: BOTH,
  prepare: async (rig, format) => {
    const it = await machine(rig, format, 'host01');
    const other = rig.at('host01', 107, `${it.vm.id}0`);
    await mkdir(other, { recursive: true });
    await writeFile(path.join(other, 'kept'), 'another VM\n');
    return {
      call: callLine(rig, () => terminate(rig.model, it.vm).at(-1)),
      stdout: /^$/,
      after: () => ({
        tree: directoryTree(`host01:107/${it.vm.id}0`, ['kept']),
        checks: [isFile(path.join(other, 'kept'), Buffer.from('another VM\n'))],
      }),
    };
  },
};

/** Of a VM that is off there is nothing to prepare, and nothing changes. */
function hook(name: 'premigrate' | 'postmigrate' | 'failmigrate'): Scenario {
  return {
    action: `tm/${name}`,
    formats: BOTH,
    prepare: async (rig, format) => {
      const it = await machine(rig, format, 'host01');
      const tree = directoryTree(`host01:107/${it.vm.id}`, it.names);
      const words = migrateWords(rig.model, it.vm, 'host01', 'host02');
      return {
        call: () => rig.one.migrateHook(name, it.vm, words, 'agent_local'),
        stdout: /^$/,
        after: () => ({ tree, checks: it.checks('host01') }),
      };
    },
  };
}

const monitor: Scenario = {
  action: 'tm/monitor',
  formats: ['-'],
  prepare: async (rig) => {
    await mkdir(rig.at('frontend', 107), { recursive: true });
    return {
      call: () => rig.one.monitor(107),
      stdout: /^USED_MB=\d+ TOTAL_MB=\d+ FREE_MB=\d+\n$/,
      after: () => ({ tree: [], checks: [] }),
    };
  },
};

/** Whichever two hosts they are. */
const asBetweenHosts = (one: Scenario): Scenario => ({ ...one, killedAs: 'tm/mv host to host' });

export const moves: readonly Scenario[] = [
  moveDisk,
  asBetweenHosts(
    move({ variant: 'host to front-end', from: 'host01', to: 'frontend', lcmState: 10, lines: (rig, vm) => stop(rig.model, vm) }),
  ),
  asBetweenHosts(
    move({ variant: 'front-end to host', from: 'frontend', to: 'host01', lcmState: 9, lines: (rig, vm) => resume(rig.model, vm) }),
  ),
  move({ variant: 'host to host', from: 'host01', to: 'host02', lcmState: 8, lines: (rig, vm) => migrate(rig.model, vm) }),
  move({
    variant: 'to another datastore',
    from: 'host01',
    to: 'host01',
    datastoreId: 108,
    lcmState: 8,
    lines: (rig, vm) => migrate(rig.model, vm),
  }),
];

export const endings: readonly Scenario[] = [
  giveBack('without snapshots', 1, 'tm/mvds with snapshots'),
  giveBack('with snapshots', 2),
  save('of the disk', -1),
  { ...save('of a snapshot', 0), killedAs: 'tm/cpds of the disk' },
  deleteDisk,
  deleteDirectory,
  hook('premigrate'),
  hook('postmigrate'),
  hook('failmigrate'),
  monitor,
];
