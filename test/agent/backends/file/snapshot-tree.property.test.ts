import { readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { flattenSnapshot } from '../../../../agent/backends/file/flatten.ts';
import { createSnapshot } from '../../../../agent/backends/file/snapshots-create.ts';
import { deleteSnapshot } from '../../../../agent/backends/file/snapshots-delete.ts';
import { snapshotFile } from '../../../../agent/backends/file/snapshots-layout.ts';
import { revertSnapshot } from '../../../../agent/backends/file/snapshots-revert.ts';
import { testContext } from '../../../helpers/context.ts';
import {
  BLOCK,
  BLOCKS,
  differences,
  type Model,
  makeDisk,
  program,
  readContent,
  type TestDisk,
  writeBlocks,
} from '../../../helpers/disks.ts';

const RUNS = Number(process.env['ONESTORAGE_PROPERTY_RUNS'] ?? 40);

/** What the disk must be, whatever files it is made of. */
class Expected {
  disk: Model = new Uint8Array(BLOCKS);
  readonly snapshots = new Map<number, Model>();
  nextId = 0;
  pick(index: number): number | undefined {
    const ids = [...this.snapshots.keys()];
    return ids.length === 0 ? undefined : ids[index % ids.length];
  }
}

interface Command {
  readonly do: 'write' | 'create' | 'revert' | 'delete' | 'flatten' | 'resize' | 'create that failed';
  readonly at: number;
  readonly length: number;
  readonly value: number;
}

let operations = 0;
const context = () => testContext({ operationId: `op-${operations++}` });

const COMMANDS: Readonly<Record<Command['do'], (disk: TestDisk, expected: Expected, command: Command) => Promise<void>>> = {
  async write(disk, expected, { at, length, value }) {
    const first = at % expected.disk.length;
    const count = Math.min(1 + length, expected.disk.length - first);
    await writeBlocks(disk, first, count, value);
    expected.disk = expected.disk.slice();
    expected.disk.fill(value, first, first + count);
  },
  async create(disk, expected) {
    const id = expected.nextId++;
    await createSnapshot(disk, id, context());
    expected.snapshots.set(id, expected.disk);
  },
  async revert(disk, expected, { at }) {
    const id = expected.pick(at);
    if (id === undefined) return;
    await revertSnapshot(disk, id, context());
    expected.disk = expected.snapshots.get(id)!;
  },
  async delete(disk, expected, { at }) {
    const id = expected.pick(at);
    if (id === undefined) return;
    await deleteSnapshot(disk, id, context());
    expected.snapshots.delete(id);
  },
  async flatten(disk, expected, { at, value }) {
    const id = expected.pick(at);
    // It ends a history, so it must be rare.
    if (id === undefined || value % 4 !== 0) return;
    await flattenSnapshot(disk, id, context());
    expected.disk = expected.snapshots.get(id)!;
    expected.snapshots.clear();
    expected.nextId = 0;
  },
  async resize(disk, expected, { length }) {
    const grown = new Uint8Array(Math.min(expected.disk.length + length, 2 * BLOCKS));
    grown.set(expected.disk);
    await program('qemu-img', 'resize', '-q', '-f', disk.format, await realpath(disk.path), String(grown.length * BLOCK));
    expected.disk = grown;
  },
  // OpenNebula gives the number away; a stock script may have left its overlay (contract 9.19).
  async 'create that failed'(disk, expected, { value }) {
    const id = expected.nextId++;
    const active = await realpath(disk.path);
    if (active === disk.path || value % 2 === 0) return;
    const names = await readdir(`${disk.path}.snap`);
    if (names.includes(String(id + 1))) return;
    const backing = `${disk.name}.snap/${path.basename(active)}`;
    await program('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', backing, '-F', 'qcow2', path.join(`${disk.path}.snap`, String(id + 1)));
  },
};

async function check(disk: TestDisk, expected: Expected, after: string): Promise<void> {
  const wrong = async (file: string, model: Model): Promise<string[]> => differences(await readContent(file, disk.format), model);
  const found: Record<string, string[]> = { disk: await wrong(disk.path, expected.disk) };
  for (const [id, model] of expected.snapshots) found[`snapshot ${id}`] = await wrong(await snapshotFile(disk, id), model);
  const bad = Object.entries(found).filter(([, list]) => list.length > 0);
  expect(bad, after).toEqual([]);
  const names = [...(await readdir(disk.directory)), ...(await readdir(`${disk.path}.snap`).catch(() => []))];
  expect(names.filter((name) => name.startsWith('.onestorage.'))).toEqual([]);
}

const command = fc.record({
  do: fc.constantFrom<Command['do'][]>('write', 'write', 'create', 'create', 'revert', 'delete', 'flatten', 'resize', 'create that failed'),
  at: fc.nat({ max: 2 * BLOCKS }),
  length: fc.nat({ max: 40 }),
  value: fc.integer({ min: 1, max: 255 }),
});

const start = fc.constantFrom(
  ['raw', 'plain'] as const,
  ['qcow2', 'plain'] as const,
  ['qcow2', 'layers'] as const,
  ['qcow2', 'layers'] as const,
);

it('keeps the content of the disk and of every snapshot, whatever is done in whatever order', { timeout: 600_000 }, async () => {
  const property = fc.asyncProperty(start, fc.array(command, { minLength: 1, maxLength: 12 }), async ([format, how], commands) => {
    const disk = await makeDisk(format, how);
    try {
      const expected = new Expected();
      for (const [index, one] of commands.entries()) {
        await COMMANDS[one.do](disk, expected, one);
        await check(disk, expected, `after command ${index + 1}: ${one.do}`);
      }
    } finally {
      await disk.remove();
    }
  });
  await fc.assert(property, { numRuns: RUNS, endOnFailure: process.env['CI'] === 'true' });
});
