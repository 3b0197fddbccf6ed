import { copyImage } from '../../agent/operations/copy-image.ts';
import { deleteSnapshot } from '../../agent/operations/delete-snapshot.ts';
import { flattenImage } from '../../agent/operations/flatten-image.ts';
import { revertSnapshot } from '../../agent/operations/revert-snapshot.ts';
import { BLOCK } from '../helpers/disks.ts';
import {
  anyDisk,
  choose,
  copyOf,
  diskPlace,
  flat,
  grown,
  imagePlace,
  imageSnapshot,
  MAX_BLOCKS,
  MAX_DISKS,
  MAX_IMAGES,
  must,
  pick,
  type Step,
} from './model.ts';

/** What goes from disks to images and back, and what happens to images. */
export const IMAGE_STEPS: Readonly<Record<string, Step>> = {
  cpds: {
    weight: 2,
    possible: (model) => anyDisk(model) && model.images.size < MAX_IMAGES,
    async run(site, model, choice) {
      const { name, expected, snapshotId } = must(choose(model.disks, choice));
      const id = choice.value % 2 === 0 ? undefined : snapshotId;
      const { format } = expected;
      const image = `${model.vm}-${model.made}`;
      model.made += 1;
      const source = { place: diskPlace(model, name), format, flat: true, ...(id === undefined ? {} : { snapshotId: id }) };
      await site.receive(model.host, source, 0, { type: 'image', place: imagePlace(image), format, withSnapshots: false });
      model.images.set(image, flat(expected, id === undefined ? expected.content : must(expected.snapshots.get(id))));
    },
  },
  mvds: {
    weight: 2,
    possible: anyDisk,
    async run(site, model, choice) {
      const { name, expected } = must(choose(model.disks, choice));
      const { format } = expected;
      // Into the image of the same format it came from, or into a new one.
      const old = pick(
        [...model.images].filter(([, image]) => image.format === format),
        choice.snapshot,
      )?.[0];
      const image = old !== undefined && (choice.value % 3 > 0 || model.images.size >= MAX_IMAGES) ? old : `${model.vm}-${model.made}`;
      model.made += 1;
      const source = { place: diskPlace(model, name), format, flat: false };
      await site.receive(model.host, source, 0, { type: 'image', place: imagePlace(image), format, withSnapshots: true });
      model.images.set(image, copyOf(expected));
    },
  },
  clone: {
    weight: 2,
    possible: (model) => model.images.size > 0 && model.disks.size < MAX_DISKS,
    async run(site, model, choice) {
      const { name, expected } = must(choose(model.images, choice));
      const { format } = expected;
      const disk = `disk.${model.made}`;
      model.made += 1;
      const blocks = choice.value % 2 === 0 ? 0 : Math.min(expected.content.length + choice.length, MAX_BLOCKS);
      const target = {
        type: 'disk',
        place: diskPlace(model, disk),
        format,
        sizeBytes: blocks * BLOCK,
        preallocate: false,
        monitor: 'agent_local',
      };
      await site.receive(0, { place: imagePlace(name), format, flat: false }, model.host, { ...target, type: 'disk' });
      model.disks.set(disk, { ...copyOf(expected), content: grown(expected.content, blocks) });
    },
  },
  'clone of an image': {
    weight: 1,
    possible: (model) => model.images.size > 0 && model.images.size < MAX_IMAGES,
    async run(site, model, choice) {
      const { name, expected } = must(choose(model.images, choice));
      const image = `${model.vm}-${model.made}`;
      model.made += 1;
      const input = { source: imagePlace(name), target: imagePlace(image), sourceFormat: expected.format, preallocate: false };
      await site.run(0, copyImage, input);
      model.images.set(image, flat(expected, expected.content));
    },
  },
  'snap_delete of an image': {
    weight: 2,
    possible: imageSnapshot,
    async run(site, model, choice) {
      const { name, expected, snapshotId } = must(choose(model.images, choice, true));
      await site.run(0, deleteSnapshot, { disk: imagePlace(name), snapshotId: must(snapshotId), format: expected.format });
      expected.snapshots.delete(must(snapshotId));
    },
  },
  'snap_revert of an image': {
    weight: 2,
    possible: imageSnapshot,
    async run(site, model, choice) {
      const { name, expected, snapshotId } = must(choose(model.images, choice, true));
      await site.run(0, revertSnapshot, { disk: imagePlace(name), snapshotId: must(snapshotId), format: expected.format });
      expected.content = must(expected.snapshots.get(must(snapshotId)));
    },
  },
  'snap_flatten of an image': {
    weight: 1,
    possible: imageSnapshot,
    async run(site, model, choice) {
      const { name, expected, snapshotId } = must(choose(model.images, choice, true));
      await site.run(0, flattenImage, { disk: imagePlace(name), snapshotId: must(snapshotId), format: expected.format });
      model.images.set(name, flat(expected, must(expected.snapshots.get(must(snapshotId)))));
    },
  },
};
