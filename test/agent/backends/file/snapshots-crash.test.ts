import { lstat, mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { copyImage } from '../../../../agent/backends/file/copy-image.ts';
import { flattenSnapshot } from '../../../../agent/backends/file/flatten.ts';
import { createSnapshot } from '../../../../agent/backends/file/snapshots-create.ts';
import { deleteSnapshot } from '../../../../agent/backends/file/snapshots-delete.ts';
import { snapshotFile } from '../../../../agent/backends/file/snapshots-layout.ts';
import { revertSnapshot } from '../../../../agent/backends/file/snapshots-revert.ts';
import { undoSnapshotWork } from '../../../../agent/backends/file/snapshots-undo.ts';
import type { OperationContext } from '../../../../runtime/operations/types.ts';
import { newJournal, testContext } from '../../../helpers/context.ts';
import {
  BLOCKS,
  copyDisk,
  differences,
  type Format,
  type Model,
  makeDisk,
  readContent,
  type TestDisk,
  tree,
  writeBlocks,
} from '../../../helpers/disks.ts';

/** Every call that changes a name or a file goes through here; the crash comes before the call with this number, and nothing works after it. */
const crash = vi.hoisted(() => ({ at: Number.POSITIVE_INFINITY, calls: 0 }));

vi.mock('node:fs/promises', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:fs/promises')>();
  const mortal =
    <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      crash.calls += 1;
      if (crash.calls >= crash.at) throw new Error('killed');
      return await call(...args);
    };
  return {
    ...real,
    rename: mortal(real.rename),
    symlink: mortal(real.symlink),
    link: mortal(real.link),
    writeFile: mortal(real.writeFile as (...args: unknown[]) => Promise<void>),
    rm: mortal(real.rm),
  };
});

const crashAt = (call: number): void => {
  crash.at = call;
  crash.calls = 0;
};
const live = (): void => crashAt(Number.POSITIVE_INFINITY);

interface Scene {
  readonly disk: TestDisk;
  readonly snapshots: Map<number, Model>;
  model: Model;
}

const filled = (model: Model, first: number, count: number, value: number): Model => model.slice().fill(value, first, first + count);

async function guestWrites(scene: Scene, first: number, count: number, value: number): Promise<void> {
  await writeBlocks(scene.disk, first, count, value);
  scene.model = filled(scene.model, first, count, value);
}

async function take(scene: Scene, id: number): Promise<void> {
  await createSnapshot(scene.disk, id, testContext({ operationId: `take-${id}` }));
  scene.snapshots.set(id, scene.model);
}

/** Snapshots 0, 1 and, after a revert to 0, 2: layer 1 has two layers' history beside it, layer 0 two children. */
async function makeScene(format: Format, how: 'plain' | 'layers', snapshots: boolean): Promise<Scene> {
  const made: Scene = { disk: await makeDisk(format, how), snapshots: new Map(), model: new Uint8Array(BLOCKS) };
  await guestWrites(made, 0, 40, 1);
  if (!snapshots) return made;
  await take(made, 0);
  await guestWrites(made, 20, 40, 2);
  await take(made, 1);
  await guestWrites(made, 50, 3, 3);
  await revertSnapshot(made.disk, 0, testContext({ operationId: 'back' }));
  made.model = made.snapshots.get(0)!;
  await guestWrites(made, 30, 2, 4);
  await take(made, 2);
  await guestWrites(made, 31, 60, 5);
  return made;
}

const scenes = new Map<string, Promise<Scene>>();

/** A copy of a scene that is made once. */
async function scene(format: Format, how: 'plain' | 'layers', snapshots: boolean): Promise<Scene> {
  const name = `${format} ${how} ${snapshots}`;
  const first = scenes.get(name) ?? makeScene(format, how, snapshots);
  scenes.set(name, first);
  const { disk, ...models } = await first;
  return { disk: await copyDisk(disk), snapshots: new Map(models.snapshots), model: models.model };
}

afterAll(async () => {
  for (const made of scenes.values()) await (await made).disk.remove();
});

async function state({ disk, snapshots, model }: Scene): Promise<string[]> {
  const compare = async (name: string, file: string, expected: Model): Promise<string[]> =>
    differences(await readContent(file, disk.format), expected).map((one) => `${name}: ${one}`);
  const held = [...snapshots].map(async ([id, expected]) => await compare(`snapshot ${id}`, await snapshotFile(disk, id), expected));
  return (await Promise.all([compare('disk', disk.path, model), ...held])).flat();
}

const stages = async (disk: TestDisk): Promise<string[]> => (await tree(disk.base)).filter((name) => name.includes('.onestorage.'));

interface Case {
  readonly name: string;
  readonly format: Format;
  readonly how: 'plain' | 'layers';
  readonly snapshots: boolean;
  run(scene: Scene, context: OperationContext): Promise<unknown>;
  /** What the model becomes. */
  after(scene: Scene): void;
}

const CASES: readonly Case[] = (
  [
    ['raw', 'plain'],
    ['qcow2', 'plain'],
    ['qcow2', 'layers'],
  ] as const
)
  .flatMap(([format, how]) => [
    {
      name: `create the first snapshot of a ${how} ${format} disk`,
      ...{ format, how, snapshots: false },
      run: ({ disk }: Scene, context: OperationContext) => createSnapshot(disk, 7, context),
      after: (one: Scene) => void one.snapshots.set(7, one.model),
    },
    {
      name: `create another snapshot of a ${how} ${format} disk`,
      ...{ format, how, snapshots: true },
      run: ({ disk }: Scene, context: OperationContext) => createSnapshot(disk, 3, context),
      after: (one: Scene) => void one.snapshots.set(3, one.model),
    },
    {
      name: `revert a ${how} ${format} disk`,
      ...{ format, how, snapshots: true },
      run: ({ disk }: Scene, context: OperationContext) => revertSnapshot(disk, 1, context),
      after: (one: Scene) => {
        one.model = one.snapshots.get(1)!;
      },
    },
    {
      name: `delete a snapshot with two children of a ${how} ${format} disk`,
      ...{ format, how, snapshots: true },
      run: ({ disk }: Scene, context: OperationContext) => deleteSnapshot(disk, 0, context),
      after: (one: Scene) => void one.snapshots.delete(0),
    },
    {
      name: `delete the snapshot below the active layer of a ${how} ${format} disk`,
      ...{ format, how, snapshots: true },
      run: ({ disk }: Scene, context: OperationContext) => deleteSnapshot(disk, 2, context),
      after: (one: Scene) => void one.snapshots.delete(2),
    },
    {
      name: `delete a leaf of a ${how} ${format} disk`,
      ...{ format, how, snapshots: true },
      run: ({ disk }: Scene, context: OperationContext) => deleteSnapshot(disk, 1, context),
      after: (one: Scene) => void one.snapshots.delete(1),
    },
    {
      name: `flatten a ${how} ${format} disk`,
      ...{ format, how, snapshots: true },
      run: ({ disk }: Scene, context: OperationContext) => flattenSnapshot(disk, 1, context),
      after: (one: Scene) => {
        one.model = one.snapshots.get(1)!;
        one.snapshots.clear();
      },
    },
  ])
  .filter((one) => !(one.format === 'qcow2' && one.how === 'plain' && one.snapshots));

afterEach(live);

describe.each(CASES)('$name', (one) => {
  it('survives a crash before every change and before every step is written down', { timeout: 300_000 }, async () => {
    const points = ['name', 'step'] as const;
    for (const kind of points) {
      for (let point = 1, ended = false; !ended; point += 1) {
        expect(point).toBeLessThan(60);
        live();
        const made = await scene(one.format, one.how, one.snapshots);
        try {
          const journal = newJournal();
          let steps = 0;
          const afterWork = (): void => {
            steps += 1;
            if (kind === 'step' && steps === point) throw new Error('killed');
          };
          if (kind === 'name') crashAt(point);
          const first = await one.run(made, testContext({ journal, afterWork })).then(
            () => 'done',
            (error: Error) => error.message,
          );
          live();
          ended = first === 'done';
          const where = `crash ${kind} ${point}: ${first}`;
          if (!ended) {
            expect(first, where).toContain('killed');
            // Somebody who reads the disk before it goes on sees the old content or the new one, whole.
            const next = { ...made, snapshots: new Map(made.snapshots) };
            one.after(next);
            const content = await readContent(made.disk.path, one.format);
            const nearest = [made.model, next.model].map((model) => differences(content, model)).sort((x, y) => x.length - y.length);
            expect(nearest[0], where).toEqual([]);
            await one.run(made, testContext({ journal }));
          }
          one.after(made);
          expect(await state(made), where).toEqual([]);
          expect(await stages(made.disk), where).toEqual([]);
        } finally {
          live();
          await made.disk.remove();
        }
      }
    }
  });

  it('can be taken back before its commit', { timeout: 300_000 }, async () => {
    for (let point = 1, committed = false; !committed; point += 1) {
      expect(point).toBeLessThan(60);
      const made = await scene(one.format, one.how, one.snapshots);
      try {
        const journal = newJournal();
        crashAt(point);
        await one.run(made, testContext({ journal })).catch(() => undefined);
        live();
        committed = journal.committed;
        if (committed) break;
        await undoSnapshotWork(made.disk, 'op-1');
        if (one.how === 'plain' && !one.snapshots && (await lstat(made.disk.path)).isFile())
          expect(await readdir(made.disk.directory)).toEqual(['disk.0']);
        await undoSnapshotWork(made.disk, 'op-1');
        expect(await state(made), `crash ${point}`).toEqual([]);
        expect(await stages(made.disk), `crash ${point}`).toEqual([]);
        // And the next operation works.
        await one.run(made, testContext({ operationId: 'op-2' }));
        one.after(made);
        expect(await state(made), `after crash ${point}`).toEqual([]);
      } finally {
        live();
        await made.disk.remove();
      }
    }
  });
});

it('copies an image whatever crashes', { timeout: 300_000 }, async () => {
  for (let point = 1, ended = false; !ended; point += 1) {
    expect(point).toBeLessThan(30);
    live();
    const made = await scene('qcow2', 'layers', true);
    try {
      const { disk } = made;
      const source = { datastoreId: 0, root: disk.root, path: disk.path, directory: disk.directory, name: disk.name };
      const root = path.join(disk.datastores, '1');
      await mkdir(root, { recursive: true });
      const target = { datastoreId: 1, root, path: path.join(root, 'copy'), directory: root, name: 'copy' };
      const options = { sourceFormat: undefined, convertTo: undefined, preallocate: false };
      const journal = newJournal();
      crashAt(point);
      const first = await copyImage(source, target, options, testContext({ journal })).catch((error: Error) => error.message);
      live();
      ended = typeof first !== 'string';
      if (!ended) await copyImage(source, target, options, testContext({ journal }));
      expect(differences(await readContent(target.path, 'qcow2'), made.model)).toEqual([]);
      expect(await stages(disk)).toEqual([]);
    } finally {
      live();
      await made.disk.remove();
    }
  }
});
