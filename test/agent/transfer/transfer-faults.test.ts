import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MIB } from '../../../runtime/units.ts';
import { childrenWith, openExport, receiveAt, same, startHost, startProxy, until } from './hosts.ts';
import { disk, image, lacksPrograms, Pair, sparseFile, vmDirectory } from './pair.ts';

const pair = new Pair();

describe.skipIf(lacksPrograms)('a transfer that is disturbed', () => {
  it('goes on after the connection was cut, with the files that are not done', async () => {
    await vmDirectory(pair.source);
    execFileSync('rm', [pair.source.at('0', '9', 'disk.2')]);
    await sparseFile(pair.source.at('0', '9', 'disk.5'), 40 * MIB, [
      0,
      5 * MIB,
      10 * MIB,
      15 * MIB,
      20 * MIB,
      25 * MIB,
      30 * MIB,
      35 * MIB,
    ]);
    const proxy = await startProxy(pair.source);
    try {
      proxy.cutAfter(7 * MIB);
      const { log } = await pair.transfer(
        { source: { datastoreId: 0, path: '9' }, format: '' },
        { directory: { place: { datastoreId: 0, path: '9' }, monitor: '' } },
        { viaProxy: true },
      );
      expect(log.join('\n')).toContain('interrupted, trying again');
      expect(await same(pair.source.at('0', '9', 'disk.5'), pair.target.at('0', '9', 'disk.5'))).toBe(true);
    } finally {
      await proxy.close();
    }
  });

  it('goes on when nbdkit is killed in the middle', async () => {
    await sparseFile(pair.source.at('1', 'abc'), 8 * MIB, [0, 2 * MIB, 4 * MIB, 6 * MIB]);
    const running = pair.transfer(image('abc'), disk('9/disk.0'), { bytesPerSecond: 3 * MIB });
    running.catch(() => undefined);
    await until(() => childrenWith(pair.target.root).some(({ name }) => name === 'nbdcopy'));
    process.kill(childrenWith(pair.source.at('1', 'abc'))[0]!.pid, 'SIGKILL');
    const { log } = await running;
    expect(log.join('\n')).toContain('interrupted, trying again');
    expect(await same(pair.source.at('1', 'abc'), pair.target.at('0', '9', 'disk.0'))).toBe(true);
  });

  it('is cancelled in the middle, and leaves nothing', async () => {
    await sparseFile(pair.source.at('1', 'abc'), 64 * MIB, [0, 10 * MIB, 20 * MIB, 30 * MIB]);
    let id = '';
    const running = pair.transfer(image('abc'), disk('9/disk.0'), { bytesPerSecond: 64 * 1024, onOperation: (given) => (id = given) });
    running.catch(() => undefined);
    await until(() => childrenWith(pair.target.root).some(({ name }) => name === 'nbdcopy'));
    expect(pair.target.agent.operations.get(id)?.state).toBe('running');
    const { StorageError } = await import('../../../runtime/errors.ts');
    expect(pair.target.agent.operations.cancel(id, new StorageError('cancelled', 'by an admin'))).toBe(true);
    await expect(running).rejects.toMatchObject({ reason: 'cancelled' });
    expect(existsSync(pair.target.at('0', '9'))).toBe(false);
    await until(() => childrenWith(pair.source.root).length === 0);
  });

  it('fails when the source changes meanwhile', async () => {
    await sparseFile(pair.source.at('1', 'abc'), 8 * MIB, [0, 2 * MIB]);
    const running = pair.transfer(image('abc'), disk('9/disk.0'), { bytesPerSecond: MIB });
    running.catch(() => undefined);
    await until(() => childrenWith(pair.target.root).length > 0);
    await truncate(pair.source.at('1', 'abc'), 9 * MIB);
    await expect(running).rejects.toMatchObject({
      reason: 'transfer_failed',
      message: expect.stringContaining('changed while it was copied'),
    });
    expect(existsSync(pair.target.at('0', '9'))).toBe(false);
  });

  it('gives a file to nobody but the receiver it was opened for, unaltered and in time', async () => {
    await writeFile(pair.source.at('1', 'abc'), 'content');
    const alter = (capability: string): string => {
      const [payload = '', signature = ''] = capability.split('.');
      const grant = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
      grant.source.place.path = 'other';
      return `${Buffer.from(JSON.stringify(grant)).toString('base64url')}.${signature}`;
    };
    await expect(pair.transfer(image('abc'), disk('9/disk.0'), { alterCapability: alter })).rejects.toMatchObject({ reason: 'forbidden' });
    const other = await startHost('node3');
    const late = await startHost('node4', { ticketMs: 0 });
    try {
      const opened = { ...image('abc'), operationId: 'other', receiverMachineId: other.agent.machineId };
      const ticket = await openExport(pair.source, opened);
      const stolen = receiveAt(pair.target, {
        operation: { operationId: 'stolen', subject: '' },
        ticket,
        source: opened,
        ...disk('9/disk.0'),
      });
      await expect(stolen).rejects.toMatchObject({ reason: 'forbidden', message: expect.stringContaining('another host') });
      await writeFile(late.at('1', 'abc'), 'content');
      const expired = pair.transfer(image('abc'), disk('9/disk.0'), { from: late });
      await expect(expired).rejects.toMatchObject({ reason: 'forbidden', message: expect.stringContaining('expired') });
    } finally {
      await Promise.all([other.stop(), late.stop()]);
    }
    expect(existsSync(pair.target.at('0', '9'))).toBe(false);
  });

  it('tells a datastore that is not there from a source that is gone', async () => {
    const source = { source: { datastoreId: 107, path: '9' }, format: '' };
    const target = { directory: { place: { datastoreId: 0, path: '9' }, monitor: '' } };
    await expect(pair.transfer(source, target)).rejects.toMatchObject({
      reason: 'storage_failed',
      message: 'datastore 107 is not there on node1 (is it mounted?)',
    });
  });

  it('says in one line what is missing', async () => {
    await expect(pair.transfer(image('nothing'), disk('9/disk.0'))).rejects.toMatchObject({
      reason: 'not_found',
      message: "'nothing' does not exist in datastore 1 on node1",
    });
    await expect(pair.transfer(image('../0/x'), disk('9/disk.0'))).rejects.toMatchObject({ reason: 'outside_datastore' });
    await writeFile(pair.source.at('1', 'abc'), 'content');
    const hasty = await startHost('node7', { retryForMs: 0 });
    try {
      const opened = { ...image('abc'), operationId: 'gone', receiverMachineId: hasty.agent.machineId };
      const ticket = await openExport(pair.source, opened);
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
    const full = join(pair.target.root, 'full');
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
      await sparseFile(pair.source.at('1', 'abc'), 8 * MIB, [0, 2 * MIB, 4 * MIB]);
      const opened = { ...image('abc'), operationId: 'full', receiverMachineId: small.agent.machineId };
      const ticket = await openExport(pair.source, opened);
      const started = receiveAt(small, { operation: { operationId: 'full', subject: '' }, ticket, source: opened, ...disk('9/disk.0') });
      await expect(started).rejects.toMatchObject({
        reason: 'no_space',
        message: expect.stringMatching(/^no space left in datastore 0 on node5 \(needs 3\.0 MiB, has \d/u),
      });
      expect(existsSync(join(full, '0', '9'))).toBe(false);
    } finally {
      await small.stop();
      execFileSync('umount', [full]);
    }
  });
});
