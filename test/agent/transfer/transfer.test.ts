import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MIB } from '../../../runtime/units.ts';
import { openExport, receiveAt, same, startHost, startProxy } from './hosts.ts';
import { disk, image, lacksPrograms, layeredDisk, Pair, qemuImg, sparseFile, staged, vmDirectory } from './pair.ts';

const pair = new Pair();

describe.skipIf(lacksPrograms)('transfer between two agents', () => {
  it('clones a sparse raw image with its holes, and sends little more than its data', async () => {
    await sparseFile(pair.source.at('1', 'abc'), 300 * MIB + 512, [0, 100 * MIB, 299 * MIB]);
    const proxy = await startProxy(pair.source);
    try {
      const { result, figures } = await pair.transfer(image('abc'), disk('9/disk.0', 'raw'), { viaProxy: true });
      expect(result).toMatchObject({ format: 'raw', sizeBytes: 300 * MIB + 512 });
      const { blocks } = await lstat(pair.target.at('0', '9', 'disk.0'));
      expect(blocks * 512).toBeLessThanOrEqual(3 * MIB + 64 * 1024);
      expect(figures.movedBytes).toBe(blocks * 512);
      expect(figures.skippedBytes).toBe(300 * MIB + 512 - blocks * 512);
      expect(figures.verifiedBytes).toBeGreaterThanOrEqual(3 * MIB);
      expect(proxy.dataBytes()).toBeGreaterThanOrEqual(3 * MIB);
      // Four TLS handshakes and the extents come to some 20 KiB.
      expect(proxy.dataBytes()).toBeLessThanOrEqual(3 * MIB * 1.01 + 32 * 1024);
    } finally {
      await proxy.close();
    }
    expect(await same(pair.source.at('1', 'abc'), pair.target.at('0', '9', 'disk.0'))).toBe(true);
    expect(await readFile(pair.target.at('0', '.monitor'), 'utf8')).toBe('agent_local\n');
    expect(await staged(pair.target.agent.datastores)).toEqual([]);
  });

  it('grows a cloned raw disk, and replaces the disk of an earlier run', async () => {
    await sparseFile(pair.source.at('1', 'abc'), 8 * MIB, [0]);
    await mkdir(pair.target.at('0', '9', 'disk.0.snap'), { recursive: true });
    await writeFile(pair.target.at('0', '9', 'disk.0'), 'old');
    await writeFile(pair.target.at('0', '9', 'disk.0.snap', '0'), 'old');
    const { result } = await pair.transfer(image('abc'), disk('9/disk.0', 'raw', 16 * MIB));
    expect(result).toMatchObject({ sizeBytes: 16 * MIB });
    expect((await lstat(pair.target.at('0', '9', 'disk.0'))).size).toBe(16 * MIB);
    expect(await readdir(pair.target.at('0', '9'))).toEqual(['disk.0']);
  });

  it('copies any content of an opaque file, also an empty and an odd one', async () => {
    await writeFile(pair.source.at('1', 'iso'), randomBytes(300_001));
    await writeFile(pair.source.at('1', 'empty'), '');
    await pair.transfer(image('iso', ''), disk('9/disk.1', ''));
    await pair.transfer(image('empty', ''), disk('9/kernel', ''));
    expect(await same(pair.source.at('1', 'iso'), pair.target.at('0', '9', 'disk.1'))).toBe(true);
    expect((await lstat(pair.target.at('0', '9', 'kernel'))).size).toBe(0);
  });

  it('lays a plain qcow2 image out as a layered disk', async () => {
    const raw = pair.source.at('1', 'content');
    await sparseFile(raw, 64 * MIB, [0, 30 * MIB]);
    qemuImg('convert', '-q', '-f', 'raw', '-O', 'qcow2', raw, pair.source.at('1', 'abc'));
    const { result } = await pair.transfer(image('abc', 'qcow2'), disk('9/disk.2', 'qcow2', 128 * MIB));
    expect(result).toMatchObject({ format: 'qcow2', sizeBytes: 128 * MIB });
    expect(await readlink(pair.target.at('0', '9', 'disk.2'))).toBe('disk.2.snap/0');
    expect(await readlink(pair.target.at('0', '9', 'disk.2.snap', 'disk.2.snap'))).toBe('.');
    qemuImg('resize', '-q', '-f', 'raw', raw, '128M');
    qemuImg('compare', '-f', 'raw', '-F', 'qcow2', raw, pair.target.at('0', '9', 'disk.2'));
  });

  it('clones a qcow2 image with snapshots as another disk number, readable from both directories', async () => {
    await layeredDisk(pair.source.at('1'), 'disk.0');
    qemuImg('convert', '-q', '-f', 'qcow2', '-O', 'raw', pair.source.at('1', 'disk.0'), pair.source.at('content'));
    await pair.transfer(image('disk.0', 'qcow2'), disk('9/disk.3', 'qcow2'));
    expect(await readlink(pair.target.at('0', '9', 'disk.3'))).toBe('disk.3.snap/1');
    qemuImg('compare', '-f', 'raw', '-F', 'qcow2', pair.source.at('content'), pair.target.at('0', '9', 'disk.3'));
    qemuImg('compare', '-f', 'raw', '-F', 'qcow2', pair.source.at('content'), pair.target.at('0', '9', 'disk.3.snap', '1'));
  });

  it('brings a disk with its snapshots back over its image, and drops what told of the old one', async () => {
    await mkdir(pair.source.at('0', '9'));
    await layeredDisk(pair.source.at('0', '9'), 'disk.0');
    await writeFile(pair.source.at('0', '9', 'disk.0.snap', '4.current'), '/elsewhere/9/disk.0.snap/1\n');
    await writeFile(pair.target.at('1', 'abc'), 'old');
    await writeFile(pair.target.at('1', 'abc.md5sum'), 'old');
    await pair.transfer(
      { source: { datastoreId: 0, path: '9/disk.0' }, format: 'qcow2' },
      { image: { place: { datastoreId: 1, path: 'abc' }, format: 'qcow2', withSnapshots: true } },
    );
    expect(await readlink(pair.target.at('1', 'abc'))).toBe('abc.snap/1');
    expect(await readdir(pair.target.at('1'))).toEqual(['abc', 'abc.snap']);
    expect(await readFile(pair.target.at('1', 'abc.snap', '4.current'), 'utf8')).toBe(`${pair.target.at('1', 'abc.snap', '1')}\n`);
    qemuImg('compare', '-f', 'qcow2', '-F', 'qcow2', pair.source.at('0', '9', 'disk.0'), pair.target.at('1', 'abc.snap', '1'));
  });

  it('saves the current state, or a snapshot, of a layered disk as one image', async () => {
    await mkdir(pair.source.at('0', '9'));
    await layeredDisk(pair.source.at('0', '9'), 'disk.0');
    const from = { source: { datastoreId: 0, path: '9/disk.0' }, format: 'qcow2' };
    const to = (path: string) => ({ image: { place: { datastoreId: 1, path }, format: 'qcow2', withSnapshots: false } });
    await pair.transfer({ ...from, flat: true }, to('now'));
    await pair.transfer({ ...from, flat: true, snapshotId: 0 }, to('then'));
    expect(await readdir(pair.target.at('1'))).toEqual(['now', 'then']);
    expect(qemuImg('info', '-f', 'qcow2', pair.target.at('1', 'now'))).not.toContain('backing file');
    qemuImg('compare', '-f', 'qcow2', '-F', 'qcow2', pair.source.at('0', '9', 'disk.0'), pair.target.at('1', 'now'));
    qemuImg('compare', '-f', 'qcow2', '-F', 'qcow2', pair.source.at('0', '9', 'disk.0.snap', '0'), pair.target.at('1', 'then'));
    await expect(pair.transfer({ ...from, flat: true, snapshotId: 7 }, to('never'))).rejects.toMatchObject({ reason: 'not_found' });
  });

  it('refuses a qcow2 image that names a file outside of itself', async () => {
    await writeFile(pair.source.at('1', 'secret'), randomBytes(MIB));
    qemuImg('create', '-q', '-f', 'qcow2', '-b', pair.source.at('1', 'secret'), '-F', 'raw', pair.source.at('1', 'abc'));
    await expect(pair.transfer(image('abc', 'qcow2'), disk('9/disk.0', 'qcow2'))).rejects.toMatchObject({ reason: 'bad_image' });
    expect(existsSync(pair.target.at('0', '9'))).toBe(false);
  });

  it('moves a whole VM directory with modes, times and links, over what is left of an earlier one', async () => {
    const vm = pair.source.at('0', '9');
    await vmDirectory(pair.source);
    await symlink('/etc/passwd', join(vm, 'disk.7'));
    await mkdir(pair.target.at('0', '9'));
    await writeFile(pair.target.at('0', '9', 'stale'), 'old');
    const from = { source: { datastoreId: 0, path: '9' }, format: '' };
    const to = { directory: { place: { datastoreId: 0, path: '9' }, monitor: 'agent_local' } };
    await expect(pair.transfer(from, to)).rejects.toMatchObject({ reason: 'outside_datastore' });
    expect(await readdir(pair.target.at('0', '9'))).toEqual(['stale']);
    execFileSync('rm', [join(vm, 'disk.7'), join(vm, 'disk.2')]);
    await symlink('../../1/shared', join(vm, 'disk.2'));
    await pair.transfer(from, to);
    const now = pair.target.at('0', '9');
    expect(await readdir(now)).toEqual(await readdir(vm));
    expect(await readlink(join(now, 'disk.0'))).toBe('disk.0.snap/1');
    expect(await readlink(join(now, 'disk.2'))).toBe('../../1/shared');
    expect(await same(join(vm, 'disk.0.snap', '1'), join(now, 'disk.0.snap', '1'))).toBe(true);
    const { mode, mtimeMs } = await lstat(join(now, 'deployment.0'));
    expect([mode & 0o777, mtimeMs]).toEqual([0o640, 1_600_000_000_000]);
    expect(await staged(pair.target.agent.datastores)).toEqual([]);
    expect(await readdir(pair.source.at('0'))).toEqual(['9']);
  });

  it('refuses to receive a directory over itself on a shared file system', async () => {
    const twin = await startHost('node6', { datastores: pair.source.agent.datastores });
    try {
      await mkdir(pair.source.at('0', '9'));
      await writeFile(pair.source.at('0', '9', 'disk.0'), 'content');
      const opened = { source: { datastoreId: 0, path: '9' }, format: '', operationId: 'twin', receiverMachineId: twin.agent.machineId };
      const ticket = await openExport(pair.source, opened);
      const directory = { place: { datastoreId: 0, path: '9' }, monitor: '' };
      const started = receiveAt(twin, { operation: { operationId: 'twin', subject: '' }, ticket, source: opened, directory });
      await expect(started).rejects.toMatchObject({ reason: 'conflict' });
      expect(await readdir(pair.source.at('0'))).toEqual(['9']);
    } finally {
      await twin.stop();
    }
  });

  it('refuses it also when the datastores of the two hosts have other numbers', async () => {
    const datastores = pair.source.at('twin');
    await mkdir(datastores);
    await symlink(pair.source.at('0'), join(datastores, '1'));
    const twin = await startHost('node6', { datastores });
    try {
      await mkdir(pair.source.at('0', '9'));
      await writeFile(pair.source.at('0', '9', 'disk.0'), 'content');
      const opened = { source: { datastoreId: 0, path: '9' }, format: '', operationId: 'twin', receiverMachineId: twin.agent.machineId };
      const ticket = await openExport(pair.source, opened);
      const directory = { place: { datastoreId: 1, path: '9' }, monitor: '' };
      const started = receiveAt(twin, { operation: { operationId: 'twin', subject: '' }, ticket, source: opened, directory });
      await expect(started).rejects.toMatchObject({ reason: 'conflict' });
      expect(await readdir(pair.source.at('0'))).toEqual(['9']);
    } finally {
      await twin.stop();
    }
  });

  it('makes no copy over the network when both ends are one host', async () => {
    await sparseFile(pair.target.at('1', 'abc'), 64 * MIB, [MIB]);
    const { figures } = await pair.transfer(image('abc'), disk('9/disk.0'), { from: pair.target });
    expect(await same(pair.target.at('1', 'abc'), pair.target.at('0', '9', 'disk.0'))).toBe(true);
    expect(figures.movedBytes).toBeLessThanOrEqual(MIB + 64 * 1024);
    await vmDirectory(pair.target).catch(() => undefined);
    await mkdir(pair.target.at('0', '5'));
    await writeFile(pair.target.at('0', '5', 'disk.0'), 'content');
    const { ino } = await lstat(pair.target.at('0', '5', 'disk.0'));
    const directory = { place: { datastoreId: 1, path: '5' }, monitor: '' };
    await pair.transfer({ source: { datastoreId: 0, path: '5' }, format: '' }, { directory }, { from: pair.target });
    expect((await lstat(pair.target.at('1', '5', 'disk.0'))).ino).toBe(ino);
    expect(await readdir(pair.target.at('0'))).not.toContain('5');
    expect(await staged(pair.target.agent.datastores)).toEqual([]);
  });
});
