import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChainOf } from '../../../../agent/backends/repository/input.ts';
import { assembleRbd } from '../../../../agent/backends/repository/rbd-chain.ts';
import type { Repository, RepositoryContext } from '../../../../agent/backends/repository/repository.ts';
import { importImage } from '../../../../agent/operations/import-image.ts';
import { exportName, isAsOf, realExport, STEPS, stageExport } from '../../../helpers/ceph-exports.ts';
import { type DifferenceOf, difference, image, inPieces } from '../../../helpers/rbd-export.ts';
import { scratch } from '../../origin/helpers.ts';
import { lacks } from '../../tools/context.ts';
import { BackupLab, missingServers, VM_XML } from './lab.ts';
import { showsTheSame, stageVm } from './staged.ts';

const MINUTES = 60_000;
const context: RepositoryContext = { signal: new AbortController().signal, log: () => undefined, report: () => undefined };

describe('exports of Ceph, written into one image', () => {
  let place: Awaited<ReturnType<typeof scratch>>;
  let file: string;
  beforeAll(async () => {
    place = await scratch();
    file = path.join(place.path, 'image');
  });
  afterAll(() => place.remove());

  /** The given exports as a disk's chain, and how often one was begun. `journal`: what an attempt before this one has done. */
  async function assembled(exports: readonly Buffer[], journal = new Map<string, unknown>()): Promise<void> {
    const files = exports.map((bytes, index) => ({ name: exportName(0, index), path: `/${index}`, sizeBytes: bytes.length }));
    const repository = {
      label: 'a place',
      read: (_: string, stored: { readonly path: string }) => inPieces(exports[Number(stored.path.slice(1))]!, [5000, 1, 70_000]),
    } as unknown as Repository;
    const step = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
      if (!journal.has(name)) journal.set(name, JSON.parse(JSON.stringify(await work())));
      return journal.get(name) as T;
    };
    await assembleRbd(
      repository,
      { diskId: '0', parts: files.map((each) => ({ backupId: '0a1b2c3d', file: each })) },
      file,
      '',
      step,
      context,
    );
  }

  it.each(STEPS)('give the disk as Ceph itself gives it, at backup %i', async (last) => {
    await assembled(STEPS.filter((step) => step <= last).map(realExport));
    expect(await isAsOf(file, last)).toBe(true);
  });

  it('give a clone with what it still has of its image', async () => {
    await assembled([realExport('clone')]);
    expect(await isAsOf(file, 'clone')).toBe(true);
  });

  it.each([1, 2, 3])('give it also when the agent is killed in the middle of increment %i', async (last) => {
    const exports = STEPS.filter((step) => step <= last).map(realExport);
    const whole = exports.at(-1)!;
    for (const share of [0.1, 0.5, 0.9, 0.999]) {
      const journal = new Map<string, unknown>();
      const cut = whole.subarray(0, Math.floor(whole.length * share));
      await expect(assembled([...exports.slice(0, -1), cut], journal)).rejects.toMatchObject({
        reason: expect.stringMatching(/damaged|checksum/u),
      });
      await assembled(exports, journal);
      expect(await isAsOf(file, last)).toBe(true);
    }
  });

  const FULL: DifferenceOf = { to: 'one_backup_0', size: 4096, extents: [{ offset: 0, data: Buffer.alloc(512, 1) }] };
  const HEAD: DifferenceOf = { from: 'one_backup_0', size: 8192, extents: [{ offset: 512, data: Buffer.alloc(512, 2) }] };

  it('without what was written while the snapshot was exported', async () => {
    await assembled([image([FULL, HEAD])]);
    expect(await readFile(file)).toEqual(Buffer.concat([Buffer.alloc(512, 1), Buffer.alloc(4096 - 512)]));
    // No backup's snapshot: the image as it was.
    await assembled([
      image([
        { ...FULL, to: 'other' },
        { ...HEAD, from: 'other' },
      ]),
    ]);
    expect((await readFile(file)).length).toBe(8192);
  });

  it.each<[string, readonly Buffer[], RegExp]>([
    [
      'an increment is missing',
      [image([FULL, HEAD]), difference(1, { ...FULL, from: 'one_backup_1', to: 'one_backup_2' })],
      /^disk\.0\.1\.rbdiff of backup 0a1b2c3d at a place continues snapshot "one_backup_1", but what lies below it ends at snapshot "one_backup_0"$/,
    ],
    [
      'the full one is missing',
      [difference(1, { ...FULL, from: 'one_backup_0', to: 'one_backup_1' })],
      /^disk\.0\.rbd2 .* continues snapshot "one_backup_0", but nothing lies below it$/,
    ],
    [
      'there is a second full one',
      [image([FULL, HEAD]), image([FULL, HEAD])],
      /^disk\.0\.1\.rbdiff .* continues snapshot nothing, but what lies below it ends at snapshot "one_backup_0"$/,
    ],
    [
      'the full one is not of a snapshot',
      [image([{ size: 4096, extents: [] }]), difference(1, { ...FULL, from: 'one_backup_0', to: 'one_backup_1' })],
      /ends at snapshot nothing$/,
    ],
  ])('are refused when %s', async (_, exports, message) => {
    await expect(assembled(exports)).rejects.toMatchObject({ reason: 'broken_chain', message: expect.stringMatching(message) });
  });
});

const incomplete = (await lacks('qemu-img', 'rsync', 'ssh')) || missingServers(['sshd']);

// With restic: test/backup/exported.test.ts.
describe.skipIf(incomplete)('backups that a stock driver has exported from Ceph', { timeout: 3 * MINUTES }, () => {
  let lab: BackupLab;
  const chain: { readonly id: number; readonly backupId: string }[] = [];
  beforeAll(async () => {
    lab = await BackupLab.start('rsync', [0]);
  }, MINUTES);
  afterAll(() => lab?.stop());

  it('are stored and say what they are', async () => {
    for (const step of STEPS) {
      await rm(lab.staging, { recursive: true, force: true });
      await stageExport(lab.staging, 0, step);
      await stageVm(lab.staging, VM_XML);
      const { backupId = '', format } = await lab.store(step);
      expect(format).toBe('rbd');
      chain.push({ id: step, backupId });
    }
    const { files } = await lab.list(chain, '0');
    const facts = { diskId: '0', format: 'rbd', checksumKnown: true, increments: [0, 1, 2, 3], virtualSizeBytes: 10_272 * 1024 };
    expect(files).toMatchObject([{ ...facts, path: expect.stringMatching(/\/disk\.0\.3\.rbdiff$/u) }]);
    expect((await lab.list(chain.slice(0, 1), '0')).files).toMatchObject([{ virtualSizeBytes: 9 * 1024 * 1024 }]);
  });

  it('become images of either format, at each increment', async () => {
    for (const step of STEPS) {
      const upTo: ChainOf = chain.slice(0, step + 1);
      expect(await lab.restore(upTo, '0', `raw.${step}`)).toMatchObject({ format: 'raw' });
      expect(await isAsOf(lab.at(`raw.${step}`), step)).toBe(true);
    }
    expect(await lab.restore(chain, '0', 'qcow2', 'qcow2')).toMatchObject({ format: 'qcow2', sizeBytes: 10_272 * 1024 });
    expect(showsTheSame(lab.at('qcow2'), 'qcow2', lab.at('raw.3'))).toBe(true);
    expect(await lab.leftovers()).toEqual([]);
  });

  it('have no holes where the image must have none', async () => {
    await lab.submit(importImage(lab.agent), { ...lab.restoreInput(chain, '0', 'whole', 'raw'), preallocate: true }).done;
    expect(await isAsOf(lab.at('whole'), 3)).toBe(true);
    const [whole, sparse] = [await stat(lab.at('whole')), await stat(lab.at('raw.3'))];
    expect(whole.blocks * 512).toBeGreaterThanOrEqual(whole.size);
    expect(sparse.blocks * 512).toBeLessThan(sparse.size / 2);
    expect(await lab.leftovers()).toEqual([]);
  });

  it('are not taken for an image of another format, which a guest may have written into its disk', async () => {
    await rm(lab.staging, { recursive: true, force: true });
    await stageVm(lab.staging, VM_XML);
    const header = Buffer.alloc(512);
    header.write('QFI\xfb\0\0\0\x03', 'latin1');
    await writeFile(path.join(lab.staging, 'disk.0.rbd2'), image([{ size: 65_536, extents: [{ offset: 0, data: header }] }]));
    const { backupId = '' } = await lab.store(0);
    await expect(lab.restore([{ id: 0, backupId }], '0', 'hostile')).rejects.toMatchObject({
      reason: 'bad_image',
      message: expect.stringContaining('is declared raw but has the header of a qcow2 image'),
    });
    expect(await lab.leftovers()).toEqual([]);
  });

  it('are verified, and not merged', async () => {
    expect((await lab.verify(chain)).sizeBytes).toBeGreaterThan(
      STEPS.map((step) => realExport(step).length).reduce((sum, size) => sum + size),
    );
    await expect(lab.flatten(chain, 2)).rejects.toMatchObject({
      reason: 'unsupported',
      message: expect.stringContaining('was exported from Ceph'),
    });
    expect(await lab.leftovers()).toEqual([]);
    expect((await lab.verify(chain)).sizeBytes).toBeGreaterThan(0);
  });

  it('are known to be damaged, also those of which no checksum was taken', async () => {
    const file = path.join(lab.served.directory!, chain[1]!.backupId, exportName(0, 1));
    const found = await readFile(file);
    // Of another time, as if a stock driver had written it.
    await writeFile(file, found.subarray(0, found.length - 1));
    const damaged = { reason: 'bad_checksum', message: expect.stringContaining('disk.0.1.rbdiff') };
    await expect(lab.verify(chain)).rejects.toMatchObject(damaged);
    await expect(lab.restore(chain, '0', 'damaged')).rejects.toMatchObject({ reason: 'repository_damaged' });
    expect(await lab.leftovers()).toEqual([]);
    await expect(readFile(lab.at('damaged'))).rejects.toThrow('ENOENT');
  });
});
