import { imageDisk } from '../../lab/models.ts';
import { snapshot } from '../../lab/transfer-scripts.ts';
import { activeContent, content, type DiskShape, diskNames, type Format, holds, holdsLayers, layers } from '../contents.ts';
import { directoryTree } from '../names.ts';
import type { Rig } from '../rig.ts';
import { BOTH, type Case, type Expected, type Scenario } from '../scenario.ts';
import { callLine } from './call-line.ts';

/** Snapshots of the disk of a VM that is off. */

interface Snapshot {
  readonly verb: 'create' | 'revert' | 'delete';
  readonly id: number;
  readonly lcmState: number;
  shape(format: Format): DiskShape;
  /** Of the disk's path: names without the VM's directory, and what they hold. */
  after(format: Format, disk: string): Expected;
}

async function prepared(rig: Rig, format: Format, { verb, id, lcmState, shape, after }: Snapshot): Promise<Case> {
  const vm = rig.vm({
    host: 'host01',
    disks: [imageDisk({ id: 0, source: rig.source('e5'.repeat(16)), format, sizeMb: 4 })],
    state: 3,
    lcmState,
  });
  const directory = rig.at('host01', 107, String(vm.id));
  await rig.put(directory, 'disk.0', shape(format));
  const [disk] = vm.disks;
  const line = () => (disk === undefined ? undefined : snapshot(rig.model, vm, verb, disk, id)[0]);
  const expected = after(format, `${directory}/disk.0`);
  const tree = directoryTree(`host01:107/${vm.id}`, expected.tree);
  return { call: callLine(rig, line), stdout: /^$/, after: () => ({ ...expected, tree }) };
}

function scenario(variant: string, what: Snapshot, formats: Scenario['formats'] = BOTH): Scenario {
  return { action: `tm/snap_${what.verb}`, variant, formats, prepare: (rig, format) => prepared(rig, format, what) };
}

/** Snapshot `id` of a disk that has `id` snapshots already. */
function create(variant: string, id: number, place: DiskShape['place'] = 'disk', formats: Scenario['formats'] = BOTH): Scenario {
  return scenario(
    variant,
    {
      verb: 'create',
      id,
      lcmState: 51,
      shape: (format) => layers(format, id + 1, place),
      after: (format, disk) => {
        const made = layers(format, id + 2, 'disk');
        const now = content(id);
        const snapshots = Array.from({ length: id + 1 }, (_, layer) => holds(`${disk}.snap/${layer}`, format, content(layer)));
        return { tree: diskNames('disk.0', made), checks: [holds(disk, format, now), ...snapshots] };
      },
    },
    formats,
  );
}

const revert = scenario('to the oldest', {
  verb: 'revert',
  id: 0,
  lcmState: 52,
  shape: (format) => layers(format, 3, 'disk'),
  after: (format, disk) => {
    const shape = layers(format, 3, 'disk');
    const [, ...snapshots] = holdsLayers(disk, shape);
    return { tree: diskNames('disk.0', shape), checks: [holds(disk, format, content(0)), ...snapshots] };
  },
});

function remove(variant: string, id: number, parents?: readonly number[]): Scenario {
  const shape = (format: Format): DiskShape => ({ ...layers(format, 4, 'disk'), ...(parents === undefined ? {} : { parents }) });
  return scenario(variant, {
    verb: 'delete',
    id,
    lcmState: 53,
    shape,
    after: (format, disk) => ({
      tree: diskNames('disk.0', shape(format), [id]),
      checks: [holds(disk, format, activeContent(shape(format))), ...holdsLayers(disk, shape(format), [id])],
    }),
  });
}

export const diskSnapshots: readonly Scenario[] = [
  create('first', 0),
  create('of a plain file', 0, 'image', ['qcow2']),
  create('further', 1),
  revert,
  remove('below the active one', 2),
  remove('in the middle', 1),
  remove('oldest', 0),
  // After a revert to snapshot 0: the disk lies on 0, and nothing lies on 2.
  remove('without children', 2, [-1, 0, 1, 0]),
];
