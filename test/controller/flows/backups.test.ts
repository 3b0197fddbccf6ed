import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StorageError } from '../../../runtime/errors.ts';
import { MIB } from '../../../runtime/units.ts';
import type { ActionName } from '../../../shims/actions.ts';
import { type Bench, openBench } from '../call.ts';
import { base64, fixture } from '../fake-agents.ts';
import { input, listing } from './backup-documents.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
  bench.agents.listing = listing();
});
afterEach(() => bench.close());

const call = (action: ActionName, argv: string, stdin: string, key?: string, driver = 'agent_restic') =>
  bench.call(action, argv, stdin, key, driver);

describe('ds/backup', () => {
  const words = 'node2:/var/lib/one//datastores/103/2 0:1:5 77130f85-001f-4fb6-8c77-141239b34a00 - 2 103';
  const image = async () => bench.openNebula.images.set(20, /<IMAGE>.*<\/IMAGE>/su.exec(await fixture('restore.action.xml'))?.[0] ?? '');

  it('stores what prebackup staged, on the host of the VM', async () => {
    await image();
    bench.agents.behave = () => ({ format: '', sizeBytes: 5 * MIB + 1, md5: '', backupId: '407bf2c9', chain: [] });
    expect(await call('ds/backup', words, await input('backup'))).toEqual({ stdout: '407bf2c9 6 raw', failure: undefined });
    expect(bench.seen()).toEqual(['node2 Backups/Store']);
    expect(bench.request('Backups/Store')).toMatchObject({
      operation: { subject: 'backup of VM 2' },
      vmId: 2,
      source: { datastoreId: 103, path: '2/backup' },
      diskIds: [0, 1, 5],
      increment: 1,
      follows: {
        increments: [
          { id: 0, backupId: '577e252f' },
          { id: 1, backupId: '407bf2c9' },
          { id: 2, backupId: '16c8a114' },
        ],
      },
      repository: { datastoreId: 105, directory: '2', restic: { password: 'lab', sftp: { host: 'backup.example', user: 'oneadmin' } } },
    });
  });

  it('counts from 0 in mode FULL; a backup job has a repository of its own', async () => {
    bench.agents.behave = () => ({ format: '', sizeBytes: 1, md5: '', backupId: 'a1b2c3d4', chain: [] });
    const full = (text: string): string => text.replace('[CDATA[INCREMENT]', '[CDATA[FULL]');
    await call('ds/backup', words.replace(' - ', ' 12 '), await input('backup', full));
    expect(bench.request('Backups/Store')).toMatchObject({ increment: 0, repository: { directory: 'job_12' } });
    expect(bench.seen()).toEqual(['node2 Backups/Store']);
  });

  it('sends no increment when one before it is gone, and lets the next backup be full', async () => {
    await image();
    bench.agents.behave = () => {
      throw new StorageError('broken_chain', 'the repository has lost increment 0 (407bf2c9), so no increment can follow');
    };
    const { failure } = await call('ds/backup', words, await input('backup'));
    expect(failure).toMatchObject({ reason: 'broken_chain', message: expect.stringContaining('has lost increment 0 (407bf2c9)') });
    expect(failure?.message).toContain('the next backup of VM 2 will be a full one');
    expect(bench.resets).toEqual([2]);
  });

  it('stops the upload when the shim is told to stop', async () => {
    await image();
    const begun = Promise.withResolvers<void>();
    bench.agents.behave = (_call, signal) =>
      new Promise((_, reject) => {
        begun.resolve();
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
    const running = call('ds/backup', words, await input('backup'), 'key-of-backup');
    await begun.promise;
    expect(bench.actions.cancel('key-of-backup', 'SIGTERM')).toBe(true);
    expect((await running).failure).toMatchObject({ reason: 'cancelled' });
    expect(bench.request('Operations/Cancel')).toEqual({ operationId: 'key-of-backup.store' });
  });

  it.each([
    ['another VM', (text: string) => text.replace('<VM><ID>2<', '<VM><ID>3<'), 'standard input is about VM 3'],
    ['no password', (text: string) => text.replace(/<RESTIC_PASSWORD>.*?<\/RESTIC_PASSWORD>/u, ''), 'has no RESTIC_PASSWORD'],
    ['no document', () => '', 'standard input is empty'],
    ['base64', base64, 'is not well-formed XML'],
  ])('refuses %s', async (_, change, text) => {
    expect((await call('ds/backup', words, await input('backup', change))).failure?.message).toContain(text);
    expect(bench.seen()).toEqual([]);
  });
});

describe('ds/ls', () => {
  it('prints the addresses as stock does', async () => {
    bench.agents.listing = (request) => {
      const all = listing()(request);
      return { ...all, files: all.files.slice(0, 1).map((file) => ({ ...file, path: '/var/lib/one/datastores/0/7/backup/disk.0.0' })) };
    };
    const { image43 } = { image43: (text: string) => text.replace('</DS_DRIVER', `${IMAGE_43}</DS_DRIVER`) };
    const given = await input('ls');
    const stdin = given.includes('<IMAGE>\n') ? given : image43(given);
    expect((await call('ds/ls', '-i -1', stdin)).stdout).toBe(
      '{"0":"restic://105//0:a590d6ae/var/lib/one/datastores/0/7/backup/disk.0.0"}',
    );
  });

  const IMAGE_43 =
    '<IMAGE><ID>43</ID><NAME>n</NAME><TYPE>6</TYPE><SOURCE>a590d6ae</SOURCE><FORMAT>raw</FORMAT><DATASTORE_ID>105</DATASTORE_ID><VMS><ID>7</ID></VMS><TEMPLATE/><BACKUP_INCREMENTS/></IMAGE>';
});

describe('ds/stat and ds/monitor of a backup datastore', () => {
  it('gives the size of the disk, and reads nothing of it', async () => {
    const stdin = base64(await input('backup-stat'));
    expect((await call('ds/stat', '20', stdin)).stdout).toBe('320');
    expect((await call('ds/stat', '20', base64(await input('backup-stat', (text) => text.replace('disk.0.0', 'disk.5.0'))))).stdout).toBe(
      '64',
    );
    expect(bench.request('Backups/List')).toMatchObject({
      repository: { directory: '2' },
      chain: { increments: [{ id: 0, backupId: '577e252f' }, { id: 1 }, { id: 2 }] },
    });
  });

  it('says which disk is not there, and refuses an address of another datastore', async () => {
    const stat = async (change: (text: string) => string) =>
      (await call('ds/stat', '20', base64(await input('backup-stat', change)))).failure?.message;
    expect(await stat((text) => text.replace('disk.0.0', 'disk.9.0'))).toContain('the backup 16c8a114 has no disk 9');
    expect(await stat((text) => text.replace('restic://105', 'restic://106'))).toContain('the address is of datastore 106, not of 105');
    expect(await stat((text) => text.replace('restic://', 'ftp://'))).toContain('is no disk of a backup');
  });

  it('gives the space of the repository', async () => {
    expect((await call('ds/monitor', '105', base64(await input('backup-stat')))).stdout).toBe('USED_MB=5 TOTAL_MB=10 FREE_MB=5');
    bench.agents.backupUsage = async () => ({ totalBytes: 0, usedBytes: 3 * MIB, freeBytes: 0, known: false });
    const total = (text: string): string => text.replace('<RESTIC_PASSWORD>', '<TOTAL_MB>10</TOTAL_MB><RESTIC_PASSWORD>');
    expect((await call('ds/monitor', '105', base64(await input('backup-stat', total)))).stdout).toBe('USED_MB=3 TOTAL_MB=10 FREE_MB=7');
  });
});

describe('ds/rm and ds/increment_flatten', () => {
  it('removes every increment of a backup', async () => {
    const data = base64(await input('restore'));
    expect(await call('ds/rm', '20', data)).toEqual({ stdout: '', failure: undefined });
    expect(bench.request('Backups/Remove')).toMatchObject({
      backupIds: ['577e252f', '407bf2c9', '16c8a114'],
      repository: { directory: '2' },
    });
    await call('ds/rm', '39', base64(await input('backup-rm')), undefined, 'agent_rsync');
    expect(bench.agents.calls.at(-1)?.request).toMatchObject({ backupIds: ['d4020e'], repository: { rsync: { host: 'backup.example' } } });
  });

  it('has nothing to remove of a backup that was never stored', async () => {
    const none = (text: string): string => text.replace(/<SOURCE>.*?<\/SOURCE>/u, '<SOURCE></SOURCE>');
    expect(await call('ds/rm', '39', base64(await input('backup-rm', none)), undefined, 'agent_rsync')).toMatchObject({
      failure: undefined,
    });
    expect(bench.seen()).toEqual([]);
  });

  const keep = (count: number) => async () =>
    base64(
      await input('restore', (text) => text.replace('</DS_DRIVER', `<EXTRA_DATA><KEEP_LAST>${count}</KEEP_LAST></EXTRA_DATA></DS_DRIVER`)),
    );

  it('prints the chain as it is now', async () => {
    const chain = [
      { id: 1, backupId: 'aaaaaaaa' },
      { id: 2, backupId: '16c8a114' },
    ];
    bench.agents.behave = () => ({ format: '', sizeBytes: 96 * MIB, md5: '', backupId: '', chain });
    expect(await call('ds/increment_flatten', '20', await keep(2)())).toEqual({
      stdout: '96 1:aaaaaaaa,2:16c8a114',
      failure: undefined,
    });
    expect(bench.request('Backups/Flatten')).toMatchObject({ keepLast: 2, vmId: 2 });
  });

  it('does nothing when there is nothing to do, and nothing to a chain that is not whole', async () => {
    expect((await call('ds/increment_flatten', '20', await keep(3)())).stdout).toBe('');
    bench.agents.listing = listing([0]);
    expect((await call('ds/increment_flatten', '20', await keep(1)())).failure).toMatchObject({ reason: 'broken_chain' });
    expect((await call('ds/increment_flatten', '20', await keep(0)())).failure?.message).toContain('KEEP_LAST is 0');
    expect(bench.seen()).toEqual(['frontend Backups/List']);
  });
});
