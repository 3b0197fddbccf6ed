import { content, diskNames, type Format, holds, holdsLayers, layers, standsAlone } from '../contents.ts';
import { flatTree } from '../names.ts';
import type { Rig } from '../rig.ts';
import { BOTH, type Case, type Expected, type Scenario } from '../scenario.ts';

/** Datastore actions on the snapshots of an image that no VM uses. The image came back from a VM: its layers name `disk.0.snap`. */

const IMAGE = 'b2'.repeat(16);

function shapeOf(format: Format) {
  return layers(format, 3, 'image', 'disk.0');
}

/** The names afterwards: what the driver writes into headers names the image itself. */
function namesOf(format: Format, without: readonly number[] = []): string[] {
  return flatTree('frontend:106', diskNames(IMAGE, { ...shapeOf(format), otherSelves: [IMAGE] }, without));
}

async function prepared(rig: Rig, format: Format, action: string, snapshotId: number, after: () => Expected): Promise<Case> {
  await rig.put(rig.at('frontend', 106), IMAGE, shapeOf(format));
  const snapshots = [0, 1].map((id) => ({ id, name: `s${id}`, parent: id - 1, active: id === 1 }));
  const image = rig.image({
    name: 'with snapshots',
    format,
    source: rig.source(IMAGE),
    sizeMb: 4,
    snapshots,
    nextSnapshot: 2,
    targetSnapshot: snapshotId,
  });
  return { call: () => rig.one.image(action, image), stdout: /^$/, after };
}

function deleting(variant: string, snapshotId: number): Scenario {
  return {
    action: 'ds/snap_delete',
    variant,
    formats: BOTH,
    prepare: (rig, format) =>
      prepared(rig, format, 'snap_delete', snapshotId, () => ({
        tree: namesOf(format, [snapshotId]),
        checks: holdsLayers(rig.at('frontend', 106, IMAGE), shapeOf(format), [snapshotId]),
      })),
  };
}

const revert: Scenario = {
  action: 'ds/snap_revert',
  formats: BOTH,
  prepare: (rig, format) =>
    prepared(rig, format, 'snap_revert', 0, () => {
      const file = rig.at('frontend', 106, IMAGE);
      const [, ...snapshots] = holdsLayers(file, shapeOf(format));
      return { tree: namesOf(format), checks: [holds(file, format, content(0)), ...snapshots] };
    }),
};

const flatten: Scenario = {
  action: 'ds/snap_flatten',
  formats: BOTH,
  // OpenNebula asks once: afterwards the image has no snapshots.
  again: { fails: /snapshot/ },
  prepare: (rig, format) =>
    prepared(rig, format, 'snap_flatten', 1, () => {
      const file = rig.at('frontend', 106, IMAGE);
      return { tree: flatTree('frontend:106', [IMAGE]), checks: [holds(file, format, content(1)), standsAlone(file, format)] };
    }),
};

export const imageSnapshots: readonly Scenario[] = [deleting('oldest', 0), deleting('newest', 1), revert, flatten];
