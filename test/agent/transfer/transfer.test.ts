import { execFileSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { lstat, mkdir, open, readdir, readFile, readlink, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hasProgram } from '../../../agent/tools/programs.ts';
import type { OpenExportRequest } from '../../../proto/gen/onestorage/v1/OpenExportRequest.ts';
import type { ReceiveRequest } from '../../../proto/gen/onestorage/v1/ReceiveRequest.ts';
import { MIB } from '../../../runtime/units.ts';
import {
  childrenWith,
  openExport,
  PROXY_ADDRESS,
  type Received,
  receiveAt,
  same,
  startHost,
  startProxy,
  type TestHost,
  until,
} from './hosts.ts';

const programs = await Promise.all(['nbdkit', 'nbdcopy', 'qemu-img'].map((name) => hasProgram(name as 'nbdkit')));
const lacks = process.env['CI'] !== 'true' && programs.includes(false);
const qemuImg = (...args: string[]): string => execFileSync('qemu-img', args, { encoding: 'utf8' });

/** 1 MiB of data at each of the places, holes between. */
async function sparseFile(file: string, size: number, places: readonly number[]): Promise<void> {
  const handle = await open(file, 'w');
  await handle.truncate(size);
  for (const place of places) await handle.write(randomBytes(MIB), 0, MIB, place);
  await handle.close();
}

/** A qcow2 disk with one snapshot, laid out as on disk: base 0, active 1. */
async function layeredDisk(directory: string, name: string): Promise<void> {
  await mkdir(join(directory, `${name}.snap`), { recursive: true });
  await symlink('.', join(directory, `${name}.snap`, `${name}.snap`));
  const raw = join(directory, 'content');
  await sparseFile(raw, 64 * MIB, [0, 20 * MIB]);
  const layer = (n: number): string => join(directory, `${name}.snap`, String(n));
  qemuImg('convert', '-q', '-f', 'raw', '-O', 'qcow2', raw, layer(0));
  qemuImg('create', '-q', '-f', 'qcow2', '-b', `${name}.snap/0`, '-F', 'qcow2', layer(1));
  execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 7 40M 1M', layer(1)]);
  execFileSync('rm', [raw]);
  await symlink(`${name}.snap/1`, join(directory, name));
}

describe.skipIf(lacks)('transfer between two agents', () => {
  let source: TestHost;
  let target: TestHost;

  beforeEach(async () => {
    source = await startHost('node1');
    target = await startHost('node2', { retryForMs: 30_000 });
  });

  afterEach(async () => {
    await Promise.all([source.stop(), target.stop()]);
    // Nothing that was started is left, however the test ended.
    await until(() => childrenWith(source.root).length === 0 && childrenWith(target.root).length === 0);
  });

  interface Options {
    readonly from?: TestHost;
    readonly viaProxy?: boolean;
    readonly bytesPerSecond?: number;
    readonly alterCapability?: (capability: string) => string;
    readonly onOperation?: (id: string) => void;
  }

  async function transfer(
    request: Omit<OpenExportRequest, 'operationId' | 'receiverMachineId'>,
    to: Pick<ReceiveRequest, 'disk' | 'image' | 'directory'>,
    { from = source, viaProxy = false, bytesPerSecond = 0, alterCapability = (same) => same, onOperation }: Options = {},
  ): Promise<Received> {
    const operationId = randomUUID();
    onOperation?.(operationId);
    const opened = { ...request, operationId, receiverMachineId: target.agent.machineId };
    const ticket = await openExport(from, opened);
    const address = viaProxy ? ticket.address.replace('127.0.0.1', PROXY_ADDRESS) : ticket.address;
    return await receiveAt(target, {
      operation: { operationId, subject: 'a test' },
      ticket: { ...ticket, address, capability: alterCapability(ticket.capability) },
      source: opened,
      ...to,
      bytesPerSecond,
    });
  }

  const image = (path: string, format = 'raw'): Omit<OpenExportRequest, 'operationId' | 'receiverMachineId'> => ({
    source: { datastoreId: 1, path },
    format,
  });
  const disk = (path: string, format = 'raw', sizeBytes = 0) => ({
    disk: { place: { datastoreId: 0, path }, format, sizeBytes, preallocate: false, monitor: 'agent_local' },
  });
  const staged = async (directory: string): Promise<string[]> =>
    (await readdir(directory, { recursive: true }).catch(() => [])).filter((name) => name.includes('.onestorage.'));

  it('clones a sparse raw image with its holes, and sends little more than its data', async () => {
    await sparseFile(source.at('1', 'abc'), 300 * MIB + 512, [0, 100 * MIB, 299 * MIB]);
    const proxy = await startProxy(source);
    try {
      const { result, figures } = await transfer(image('abc'), disk('9/disk.0', 'raw'), { viaProxy: true });
      expect(result).toMatchObject({ format: 'raw', sizeBytes: 300 * MIB + 512 });
      const { blocks } = await lstat(target.at('0', '9', 'disk.0'));
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
    expect(await same(source.at('1', 'abc'), target.at('0', '9', 'disk.0'))).toBe(true);
    expect(await readFile(target.at('0', '.monitor'), 'utf8')).toBe('agent_local\n');
    expect(await staged(target.agent.datastores)).toEqual([]);
  });

  it('grows a cloned raw disk, and replaces the disk of an earlier run', async () => {
    await sparseFile(source.at('1', 'abc'), 8 * MIB, [0]);
    await mkdir(target.at('0', '9', 'disk.0.snap'), { recursive: true });
    await writeFile(target.at('0', '9', 'disk.0'), 'old');
    await writeFile(target.at('0', '9', 'disk.0.snap', '0'), 'old');
    const { result } = await transfer(image('abc'), disk('9/disk.0', 'raw', 16 * MIB));
    expect(result).toMatchObject({ sizeBytes: 16 * MIB });
    expect((await lstat(target.at('0', '9', 'disk.0'))).size).toBe(16 * MIB);
    expect(await readdir(target.at('0', '9'))).toEqual(['disk.0']);
  });

  it('copies any content of an opaque file, also an empty and an odd one', async () => {
    await writeFile(source.at('1', 'iso'), randomBytes(300_001));
    await writeFile(source.at('1', 'empty'), '');
    await transfer(image('iso', ''), disk('9/disk.1', ''));
    await transfer(image('empty', ''), disk('9/kernel', ''));
    expect(await same(source.at('1', 'iso'), target.at('0', '9', 'disk.1'))).toBe(true);
    expect((await lstat(target.at('0', '9', 'kernel'))).size).toBe(0);
  });

  it('lays a plain qcow2 image out as a layered disk', async () => {
    const raw = source.at('1', 'content');
    await sparseFile(raw, 64 * MIB, [0, 30 * MIB]);
    qemuImg('convert', '-q', '-f', 'raw', '-O', 'qcow2', raw, source.at('1', 'abc'));
    const { result } = await transfer(image('abc', 'qcow2'), disk('9/disk.2', 'qcow2', 128 * MIB));
    expect(result).toMatchObject({ format: 'qcow2', sizeBytes: 128 * MIB });
    expect(await readlink(target.at('0', '9', 'disk.2'))).toBe('disk.2.snap/0');
    expect(await readlink(target.at('0', '9', 'disk.2.snap', 'disk.2.snap'))).toBe('.');
    qemuImg('resize', '-q', '-f', 'raw', raw, '128M');
    qemuImg('compare', '-f', 'raw', '-F', 'qcow2', raw, target.at('0', '9', 'disk.2'));
  });

  it('clones a qcow2 image with snapshots as another disk number, readable from both directories', async () => {
    await layeredDisk(source.at('1'), 'disk.0');
    qemuImg('convert', '-q', '-f', 'qcow2', '-O', 'raw', source.at('1', 'disk.0'), source.at('content'));
    await transfer(image('disk.0', 'qcow2'), disk('9/disk.3', 'qcow2'));
    expect(await readlink(target.at('0', '9', 'disk.3'))).toBe('disk.3.snap/1');
    qemuImg('compare', '-f', 'raw', '-F', 'qcow2', source.at('content'), target.at('0', '9', 'disk.3'));
    qemuImg('compare', '-f', 'raw', '-F', 'qcow2', source.at('content'), target.at('0', '9', 'disk.3.snap', '1'));
  });

  it('brings a disk with its snapshots back over its image, and drops what told of the old one', async () => {
    await mkdir(source.at('0', '9'));
    await layeredDisk(source.at('0', '9'), 'disk.0');
    await writeFile(source.at('0', '9', 'disk.0.snap', '4.current'), '/elsewhere/9/disk.0.snap/1\n');
    await writeFile(target.at('1', 'abc'), 'old');
    await writeFile(target.at('1', 'abc.md5sum'), 'old');
    await transfer(
      { source: { datastoreId: 0, path: '9/disk.0' }, format: 'qcow2' },
      { image: { place: { datastoreId: 1, path: 'abc' }, format: 'qcow2', withSnapshots: true } },
    );
    expect(await readlink(target.at('1', 'abc'))).toBe('abc.snap/1');
    expect(await readdir(target.at('1'))).toEqual(['abc', 'abc.snap']);
    expect(await readFile(target.at('1', 'abc.snap', '4.current'), 'utf8')).toBe(`${target.at('1', 'abc.snap', '1')}\n`);
    qemuImg('compare', '-f', 'qcow2', '-F', 'qcow2', source.at('0', '9', 'disk.0'), target.at('1', 'abc.snap', '1'));
  });

  it('saves the current state, or a snapshot, of a layered disk as one image', async () => {
    await mkdir(source.at('0', '9'));
    await layeredDisk(source.at('0', '9'), 'disk.0');
    const from = { source: { datastoreId: 0, path: '9/disk.0' }, format: 'qcow2' };
    const to = (path: string) => ({ image: { place: { datastoreId: 1, path }, format: 'qcow2', withSnapshots: false } });
    await transfer({ ...from, flat: true }, to('now'));
    await transfer({ ...from, flat: true, snapshotId: 0 }, to('then'));
    expect(await readdir(target.at('1'))).toEqual(['now', 'then']);
    expect(qemuImg('info', '-f', 'qcow2', target.at('1', 'now'))).not.toContain('backing file');
    qemuImg('compare', '-f', 'qcow2', '-F', 'qcow2', source.at('0', '9', 'disk.0'), target.at('1', 'now'));
    qemuImg('compare', '-f', 'qcow2', '-F', 'qcow2', source.at('0', '9', 'disk.0.snap', '0'), target.at('1', 'then'));
    await expect(transfer({ ...from, flat: true, snapshotId: 7 }, to('never'))).rejects.toMatchObject({ reason: 'not_found' });
  });

  it('refuses a qcow2 image that names a file outside of itself', async () => {
    await writeFile(source.at('1', 'secret'), randomBytes(MIB));
    qemuImg('create', '-q', '-f', 'qcow2', '-b', source.at('1', 'secret'), '-F', 'raw', source.at('1', 'abc'));
    await expect(transfer(image('abc', 'qcow2'), disk('9/disk.0', 'qcow2'))).rejects.toMatchObject({ reason: 'bad_image' });
    expect(await readdir(target.at('0', '9'))).toEqual([]);
  });

  async function vmDirectory(host: TestHost): Promise<void> {
    const vm = host.at('0', '9');
    await mkdir(vm);
    await layeredDisk(vm, 'disk.0');
    await sparseFile(join(vm, 'disk.1'), 8 * MIB, [MIB]);
    await writeFile(join(vm, 'deployment.0'), '<domain/>', { mode: 0o640 });
    await utimes(join(vm, 'deployment.0'), 1_600_000_000, 1_600_000_000);
    await symlink(host.at('1', 'shared'), join(vm, 'disk.2'));
  }

  it('moves a whole VM directory with modes, times and links, over what is left of an earlier one', async () => {
    const vm = source.at('0', '9');
    await vmDirectory(source);
    await symlink('/etc/passwd', join(vm, 'disk.7'));
    await mkdir(target.at('0', '9'));
    await writeFile(target.at('0', '9', 'stale'), 'old');
    const from = { source: { datastoreId: 0, path: '9' }, format: '' };
    const to = { directory: { place: { datastoreId: 0, path: '9' }, monitor: 'agent_local' } };
    await expect(transfer(from, to)).rejects.toMatchObject({ reason: 'outside_datastore' });
    expect(await readdir(target.at('0', '9'))).toEqual(['stale']);
    execFileSync('rm', [join(vm, 'disk.7'), join(vm, 'disk.2')]);
    await symlink('../../1/shared', join(vm, 'disk.2'));
    await transfer(from, to);
    const now = target.at('0', '9');
    expect(await readdir(now)).toEqual(await readdir(vm));
    expect(await readlink(join(now, 'disk.0'))).toBe('disk.0.snap/1');
    expect(await readlink(join(now, 'disk.2'))).toBe('../../1/shared');
    expect(await same(join(vm, 'disk.0.snap', '1'), join(now, 'disk.0.snap', '1'))).toBe(true);
    const { mode, mtimeMs } = await lstat(join(now, 'deployment.0'));
    expect([mode & 0o777, mtimeMs]).toEqual([0o640, 1_600_000_000_000]);
    expect(await staged(target.agent.datastores)).toEqual([]);
    expect(await readdir(source.at('0'))).toEqual(['9']);
  });

  it('goes on after the connection was cut, with the files that are not done', async () => {
    await vmDirectory(source);
    execFileSync('rm', [source.at('0', '9', 'disk.2')]);
    await sparseFile(source.at('0', '9', 'disk.5'), 40 * MIB, [0, 5 * MIB, 10 * MIB, 15 * MIB, 20 * MIB, 25 * MIB, 30 * MIB, 35 * MIB]);
    const proxy = await startProxy(source);
    try {
      proxy.cutAfter(7 * MIB);
      const { log } = await transfer(
        { source: { datastoreId: 0, path: '9' }, format: '' },
        { directory: { place: { datastoreId: 0, path: '9' }, monitor: '' } },
        { viaProxy: true },
      );
      expect(log.join('\n')).toContain('interrupted, trying again');
      expect(await same(source.at('0', '9', 'disk.5'), target.at('0', '9', 'disk.5'))).toBe(true);
    } finally {
      await proxy.close();
    }
  });

  it('goes on when nbdkit is killed in the middle', async () => {
    await sparseFile(source.at('1', 'abc'), 8 * MIB, [0, 2 * MIB, 4 * MIB, 6 * MIB]);
    const running = transfer(image('abc'), disk('9/disk.0'), { bytesPerSecond: 3 * MIB });
    running.catch(() => undefined);
    await until(() => childrenWith(target.root).some(({ name }) => name === 'nbdcopy'));
    process.kill(childrenWith(source.at('1', 'abc'))[0]!.pid, 'SIGKILL');
    const { log } = await running;
    expect(log.join('\n')).toContain('interrupted, trying again');
    expect(await same(source.at('1', 'abc'), target.at('0', '9', 'disk.0'))).toBe(true);
  });

  it('is cancelled in the middle, and leaves nothing', async () => {
    await sparseFile(source.at('1', 'abc'), 64 * MIB, [0, 10 * MIB, 20 * MIB, 30 * MIB]);
    let id = '';
    const running = transfer(image('abc'), disk('9/disk.0'), { bytesPerSecond: 64 * 1024, onOperation: (given) => (id = given) });
    running.catch(() => undefined);
    await until(() => childrenWith(target.root).some(({ name }) => name === 'nbdcopy'));
    expect(target.agent.operations.get(id)?.state).toBe('running');
    const { StorageError } = await import('../../../runtime/errors.ts');
    expect(target.agent.operations.cancel(id, new StorageError('cancelled', 'by an admin'))).toBe(true);
    await expect(running).rejects.toMatchObject({ reason: 'cancelled' });
    expect(await readdir(target.at('0', '9'))).toEqual([]);
    await until(() => childrenWith(source.root).length === 0);
  });

  it('fails when the source changes meanwhile', async () => {
    await sparseFile(source.at('1', 'abc'), 8 * MIB, [0, 2 * MIB]);
    const running = transfer(image('abc'), disk('9/disk.0'), { bytesPerSecond: MIB });
    running.catch(() => undefined);
    await until(() => childrenWith(target.root).length > 0);
    await truncate(source.at('1', 'abc'), 9 * MIB);
    await expect(running).rejects.toMatchObject({
      reason: 'transfer_failed',
      message: expect.stringContaining('changed while it was copied'),
    });
    expect(await readdir(target.at('0', '9'))).toEqual([]);
  });

  it('gives a file to nobody but the receiver it was opened for, unaltered and in time', async () => {
    await writeFile(source.at('1', 'abc'), 'content');
    const alter = (capability: string): string => {
      const [payload = '', signature = ''] = capability.split('.');
      const grant = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
      grant.source.place.path = 'other';
      return `${Buffer.from(JSON.stringify(grant)).toString('base64url')}.${signature}`;
    };
    await expect(transfer(image('abc'), disk('9/disk.0'), { alterCapability: alter })).rejects.toMatchObject({ reason: 'forbidden' });
    const other = await startHost('node3');
    const late = await startHost('node4', { ticketMs: 0 });
    try {
      const opened = { ...image('abc'), operationId: 'other', receiverMachineId: other.agent.machineId };
      const ticket = await openExport(source, opened);
      const stolen = receiveAt(target, { operation: { operationId: 'stolen', subject: '' }, ticket, source: opened, ...disk('9/disk.0') });
      await expect(stolen).rejects.toMatchObject({ reason: 'forbidden', message: expect.stringContaining('another host') });
      await writeFile(late.at('1', 'abc'), 'content');
      const expired = transfer(image('abc'), disk('9/disk.0'), { from: late });
      await expect(expired).rejects.toMatchObject({ reason: 'forbidden', message: expect.stringContaining('expired') });
    } finally {
      await Promise.all([other.stop(), late.stop()]);
    }
    expect(await readdir(target.at('0', '9'))).toEqual([]);
  });

  it('says in one line what is missing', async () => {
    await expect(transfer(image('nothing'), disk('9/disk.0'))).rejects.toMatchObject({
      reason: 'not_found',
      message: "'nothing' does not exist in datastore 1 on node1",
    });
    await expect(transfer(image('../0/x'), disk('9/disk.0'))).rejects.toMatchObject({ reason: 'outside_datastore' });
    await writeFile(source.at('1', 'abc'), 'content');
    const hasty = await startHost('node7', { retryForMs: 0 });
    try {
      const opened = { ...image('abc'), operationId: 'gone', receiverMachineId: hasty.agent.machineId };
      const ticket = await openExport(source, opened);
      const dead = { ...ticket, address: '127.0.0.1:1' };
      const started = receiveAt(hasty, {
        operation: { operationId: 'gone', subject: '' },
        ticket: dead,
        source: opened,
        ...disk('9/disk.0'),
      });
      await expect(started).rejects.toMatchObject({ reason: 'unreachable', message: expect.stringMatching(/node1.*node7/u) });
    } finally {
      await hasty.stop();
    }
  });

  it('says how much room is needed when the target is full', async () => {
    const full = join(target.root, 'full');
    await mkdir(full);
    const mounted = (() => {
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'onestorage-test', full], { stdio: 'ignore' });
        return true;
      } catch {
        return false;
      }
    })();
    if (!mounted) return;
    const small = await startHost('node5', { datastores: full });
    try {
      await sparseFile(source.at('1', 'abc'), 8 * MIB, [0, 2 * MIB, 4 * MIB]);
      const opened = { ...image('abc'), operationId: 'full', receiverMachineId: small.agent.machineId };
      const ticket = await openExport(source, opened);
      const started = receiveAt(small, { operation: { operationId: 'full', subject: '' }, ticket, source: opened, ...disk('9/disk.0') });
      await expect(started).rejects.toMatchObject({
        reason: 'no_space',
        message: expect.stringMatching(/^no space left in datastore 0 on node5 \(needs 3\.0 MiB, has \d/u),
      });
      expect(await readdir(join(full, '0', '9'))).toEqual([]);
    } finally {
      await small.stop();
      execFileSync('umount', [full]);
    }
  });

  it('refuses to receive a directory over itself on a shared file system', async () => {
    const twin = await startHost('node6', { datastores: source.agent.datastores });
    try {
      await mkdir(source.at('0', '9'));
      await writeFile(source.at('0', '9', 'disk.0'), 'content');
      const opened = { source: { datastoreId: 0, path: '9' }, format: '', operationId: 'twin', receiverMachineId: twin.agent.machineId };
      const ticket = await openExport(source, opened);
      const directory = { place: { datastoreId: 0, path: '9' }, monitor: '' };
      const started = receiveAt(twin, { operation: { operationId: 'twin', subject: '' }, ticket, source: opened, directory });
      await expect(started).rejects.toMatchObject({ reason: 'conflict' });
      expect(await readdir(source.at('0'))).toEqual(['9']);
    } finally {
      await twin.stop();
    }
  });

  it('makes no copy over the network when both ends are one host', async () => {
    await sparseFile(target.at('1', 'abc'), 64 * MIB, [MIB]);
    const { figures } = await transfer(image('abc'), disk('9/disk.0'), { from: target });
    expect(await same(target.at('1', 'abc'), target.at('0', '9', 'disk.0'))).toBe(true);
    expect(figures.movedBytes).toBeLessThanOrEqual(MIB + 64 * 1024);
    await vmDirectory(target).catch(() => undefined);
    await mkdir(target.at('0', '5'));
    await writeFile(target.at('0', '5', 'disk.0'), 'content');
    const { ino } = await lstat(target.at('0', '5', 'disk.0'));
    const directory = { place: { datastoreId: 1, path: '5' }, monitor: '' };
    await transfer({ source: { datastoreId: 0, path: '5' }, format: '' }, { directory }, { from: target });
    expect((await lstat(target.at('1', '5', 'disk.0'))).ino).toBe(ino);
    expect(await readdir(target.at('0'))).not.toContain('5');
    expect(await staged(target.agent.datastores)).toEqual([]);
  });
});
