import { mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { arrangeDisk, type DiskLayout, lookAt, type Stage, stageOf } from '../../../../agent/backends/file/arrange.ts';
import { makeReady, publishAll, type Ready } from '../../../../agent/backends/file/arrange-publish.ts';

describe('arrange', () => {
  let directory: string;
  let stage: Stage;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'onestorage-arrange-'));
    stage = stageOf(join(directory, 'disk.2'), 'op');
    await mkdir(stage.received, { recursive: true });
  });

  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  const disk = (format: DiskLayout['format']): DiskLayout => ({ format, flattened: undefined, layered: true, withSnapshots: true });

  async function place(layout: DiskLayout, name = 'abc'): Promise<void> {
    const found = await lookAt(stage.received, name);
    const first = await arrangeDisk(stage, found, 'disk.2', layout);
    // As after a death in the middle.
    expect(await arrangeDisk(stage, found, 'disk.2', layout)).toEqual(first);
    const ready = await makeReady(stage, first);
    await publishAll(stage, directory, ready);
    await publishAll(stage, directory, ready);
    await rm(stage.root, { recursive: true });
    await publishAll(stage, directory, ready);
  }

  it('puts a raw disk and its snapshots under the new name', async () => {
    await writeFile(join(stage.received, 'abc'), 'now');
    await mkdir(join(stage.received, 'abc.snap'));
    await writeFile(join(stage.received, 'abc.snap', '0'), 'then');
    await place(disk('raw'));
    expect(await readFile(join(directory, 'disk.2'), 'utf8')).toBe('now');
    expect(await readFile(join(directory, 'disk.2.snap', '0'), 'utf8')).toBe('then');
  });

  it('makes a lone qcow2 file layer 0 behind a link', async () => {
    await writeFile(join(stage.received, 'abc'), 'qcow2');
    await place(disk('qcow2'));
    expect(await readlink(join(directory, 'disk.2'))).toBe('disk.2.snap/0');
    expect(await readlink(join(directory, 'disk.2.snap', 'disk.2.snap'))).toBe('.');
    expect(await readFile(join(directory, 'disk.2'), 'utf8')).toBe('qcow2');
  });

  it('keeps a qcow2 file with full copies as snapshots a plain file', async () => {
    await writeFile(join(stage.received, 'abc'), 'qcow2');
    await mkdir(join(stage.received, 'abc.snap'));
    await writeFile(join(stage.received, 'abc.snap', '3'), 'copy');
    await place(disk('qcow2'));
    expect(await readFile(join(directory, 'disk.2'), 'utf8')).toBe('qcow2');
    expect(await readdir(join(directory, 'disk.2.snap'))).toEqual(['3']);
  });

  it('takes away the snapshots of what it replaces, and nothing else', async () => {
    await mkdir(join(directory, 'disk.2.snap'));
    await writeFile(join(directory, 'disk.2.snap', '9'), 'old');
    await symlink('disk.2.snap/9', join(directory, 'disk.2'));
    await writeFile(join(directory, 'disk.20'), 'other');
    await writeFile(join(stage.received, 'abc'), 'now');
    await place({ format: 'raw', flattened: undefined, layered: false, withSnapshots: false });
    expect(await readdir(directory)).toEqual(['disk.2', 'disk.20']);
    expect(await readFile(join(directory, 'disk.2'), 'utf8')).toBe('now');
  });

  async function readyDisk(): Promise<Ready> {
    await writeFile(join(stage.received, 'abc'), 'now');
    const arranged = await arrangeDisk(stage, await lookAt(stage.received, 'abc'), 'disk.2', disk('raw'));
    return await makeReady(stage, arranged);
  }

  it('does not take a missing stage for published when another file has the name', async () => {
    const ready = await readyDisk();
    await rm(stage.root, { recursive: true });
    await expect(publishAll(stage, directory, ready)).rejects.toMatchObject({ reason: 'storage_failed' });
    await writeFile(join(directory, 'disk.2'), 'old');
    await expect(publishAll(stage, directory, ready)).rejects.toMatchObject({ reason: 'storage_failed' });
    expect(await readFile(join(directory, 'disk.2'), 'utf8')).toBe('old');
  });

  it('keeps the stage, and what it would replace, when something in it has gone', async () => {
    const ready = await readyDisk();
    await writeFile(join(directory, 'disk.2'), 'old');
    await rm(join(stage.ready, 'disk.2'));
    const failure = { reason: 'storage_failed', message: expect.stringContaining(stage.root) };
    await expect(publishAll(stage, directory, ready)).rejects.toMatchObject(failure);
    expect(await readFile(join(directory, 'disk.2'), 'utf8')).toBe('old');
    expect(await readdir(stage.root)).toContain('new');
  });

  it('refuses a link that is not to an own layer', async () => {
    await symlink('other.snap/0', join(stage.received, 'abc'));
    await expect(lookAt(stage.received, 'abc')).rejects.toMatchObject({ reason: 'conflict' });
    await mkdir(join(stage.received, 'abc.snap', 'deep'), { recursive: true });
    await symlink('abc.snap/deep', join(stage.received, 'abd'));
    await expect(lookAt(stage.received, 'abd')).rejects.toMatchObject({ reason: 'conflict' });
  });
});
