import { createSnapshot } from '../../agent/operations/create-snapshot.ts';
import { deleteSnapshot } from '../../agent/operations/delete-snapshot.ts';
import { resizeDisk } from '../../agent/operations/resize-disk.ts';
import { revertSnapshot } from '../../agent/operations/revert-snapshot.ts';
import { asStorageError } from '../../runtime/errors.ts';
import { BLOCK, BLOCKS } from '../helpers/disks.ts';
import { anyDisk, choose, diskPlace, diskSnapshot, grown, MAX_BLOCKS, MAX_DISKS, must, type Step } from './model.ts';
import { SYSTEM } from './site.ts';

/** What happens to the disks of the VM where it is. */
export const DISK_STEPS: Readonly<Record<string, Step>> = {
  'the guest writes': {
    weight: 4,
    possible: anyDisk,
    async run(site, model, choice) {
      const { name, expected } = must(choose(model.disks, choice));
      const first = choice.at % expected.content.length;
      const count = Math.min(1 + choice.length, expected.content.length - first);
      await site.write(model.host, diskPlace(model, name), expected.format, first, count, choice.value);
      expected.content = expected.content.slice();
      expected.content.fill(choice.value, first, first + count);
    },
  },
  snap_create: {
    weight: 4,
    possible: anyDisk,
    async run(site, model, choice) {
      const { name, expected } = must(choose(model.disks, choice));
      const id = expected.nextId;
      expected.nextId += 1;
      await site.run(model.host, createSnapshot, { disk: diskPlace(model, name), snapshotId: id, format: expected.format });
      expected.snapshots.set(id, expected.content);
    },
  },
  snap_revert: {
    weight: 3,
    possible: diskSnapshot,
    async run(site, model, choice) {
      const { name, expected, snapshotId } = must(choose(model.disks, choice, true));
      const id = must(snapshotId);
      await site.run(model.host, revertSnapshot, { disk: diskPlace(model, name), snapshotId: id, format: expected.format });
      expected.content = must(expected.snapshots.get(id));
    },
  },
  snap_delete: {
    weight: 2,
    possible: diskSnapshot,
    async run(site, model, choice) {
      const { name, expected, snapshotId } = must(choose(model.disks, choice, true));
      const id = must(snapshotId);
      await site.run(model.host, deleteSnapshot, { disk: diskPlace(model, name), snapshotId: id, format: expected.format });
      expected.snapshots.delete(id);
    },
  },
  'snap_revert to nothing': {
    weight: 1,
    possible: anyDisk,
    async run(site, model, choice) {
      const { name, expected } = must(choose(model.disks, choice));
      const input = { disk: diskPlace(model, name), snapshotId: expected.nextId + 7, format: expected.format };
      const failed = await site.run(model.host, revertSnapshot, input).then(() => undefined, asStorageError);
      if (failed?.reason !== 'not_found') throw new Error(`revert to snapshot ${input.snapshotId}: ${failed?.message ?? 'succeeded'}`);
    },
  },
  resize: {
    weight: 2,
    possible: anyDisk,
    async run(site, model, choice) {
      const { name, expected } = must(choose(model.disks, choice));
      const blocks = Math.min(expected.content.length + choice.length, MAX_BLOCKS);
      if (blocks < expected.content.length) return;
      const growth = { sizeBytes: blocks * BLOCK, format: expected.format, preallocate: false };
      await site.run(model.host, resizeDisk, { target: diskPlace(model, name), ...growth });
      expected.content = grown(expected.content, blocks);
    },
  },
  mv: {
    weight: 2,
    possible: anyDisk,
    async run(site, model, choice) {
      const to = (model.host + 1 + (choice.value % (site.hosts.length - 1))) % site.hosts.length;
      await site.move(model.host, to, { datastoreId: SYSTEM, path: model.vm });
      model.host = to;
    },
  },
  mkimage: {
    weight: 1,
    possible: (model) => model.disks.size < MAX_DISKS,
    async run(site, model, choice) {
      const disk = `disk.${model.made}`;
      model.made += 1;
      const format = choice.value % 2 === 0 ? 'raw' : 'qcow2';
      await site.create(model.host, diskPlace(model, disk), format, BLOCKS);
      model.disks.set(disk, { format, content: new Uint8Array(BLOCKS), snapshots: new Map(), nextId: 0 });
    },
  },
};
