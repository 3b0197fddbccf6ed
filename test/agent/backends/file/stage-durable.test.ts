import { mkdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { arrangeDirectory, stageOf } from '../../../../agent/backends/file/arrange.ts';
import { makeReady } from '../../../../agent/backends/file/arrange-publish.ts';
import { createVolume } from '../../../../agent/backends/file/create.ts';
import { locate } from '../../../../agent/backends/file/places.ts';
import { pointTo, stageOverlay } from '../../../../agent/backends/file/snapshots-files.ts';
import { create } from '../../../../agent/tools/qemu-img.ts';
import { bytes, MIB } from '../../../../runtime/units.ts';
import { fakeContext, lacks, temporaryDirectory } from '../../tools/context.ts';

const incomplete = await lacks('qemu-img');
const flushed = vi.hoisted(() => [] as string[]);
vi.mock(import('../../../../agent/backends/file/stage.ts'), async (original) => {
  const real = await original();
  return {
    ...real,
    flushDirectory: async (directory: string) => {
      flushed.push(directory);
      await real.flushDirectory(directory);
    },
  };
});
beforeEach(() => void flushed.splice(0));

describe('the name of a stage is durable before the commit', () => {
  it('of a new volume', async () => {
    const located = await locate(await temporaryDirectory(), { datastoreId: 1, path: 'abc' });
    await mkdir(located.directory, { recursive: true });
    const context = fakeContext();
    context.commit = () => void flushed.push('commit');
    const volume = { size: bytes(MIB), format: 'raw', content: undefined, preallocate: false } as const;
    await createVolume(located, volume, 'node2', context);
    expect(flushed.slice(0, flushed.indexOf('commit'))).toContain(located.directory);
  });

  it('of what was received', async () => {
    const directory = await temporaryDirectory();
    const stage = stageOf(path.join(directory, '9'), 'op');
    await mkdir(stage.received, { recursive: true });
    await makeReady(stage, await arrangeDirectory(stage, '9'));
    expect(flushed).toEqual([path.join(stage.ready, '9'), stage.ready, stage.root, directory]);
  });

  it.skipIf(incomplete)('of an overlay; and no disk is pointed at a layer that is missing', async () => {
    const located = await locate(await temporaryDirectory(), { datastoreId: 1, path: '9/disk.0' });
    const snapshots = `${located.path}.snap`;
    await mkdir(snapshots, { recursive: true });
    await symlink('.', path.join(snapshots, 'disk.0.snap'));
    await create(path.join(snapshots, '0'), 'qcow2', bytes(MIB), {}, fakeContext());
    const disk = { ...located, format: 'qcow2' } as const;
    await pointTo(disk, '0', 'op-1');
    flushed.splice(0);
    await stageOverlay(disk, { linked: true }, { name: '1', backing: '0', size: bytes(MIB) }, fakeContext());
    expect(flushed).toEqual([snapshots]);
    await expect(pointTo(disk, '1', 'op-1')).rejects.toMatchObject({ reason: 'storage_failed' });
  });
});
