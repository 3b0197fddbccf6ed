import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ListBackupRequest } from '../../../proto/gen/onestorage/v1/ListBackupRequest.ts';
import type { ListBackupResponse__Output } from '../../../proto/gen/onestorage/v1/ListBackupResponse.ts';
import { StorageError } from '../../../runtime/errors.ts';
import { MIB } from '../../../runtime/units.ts';
import type { ActionName } from '../../../shims/actions.ts';
import { type Bench, openBench } from '../call.ts';
import { base64, fixture, recordedVm } from '../fake-agents.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
  bench.agents.listing = listing();
});
afterEach(() => bench.close());

const DIRECTORY = '/var/lib/one/datastores/103/2/backup';
const input = async (name: string, change: (text: string) => string = (text) => text): Promise<string> =>
  change(await fixture(`${name}.action.xml`));
const call = (action: ActionName, argv: string, stdin: string, key?: string, driver = 'agent_restic') =>
  bench.call(action, argv, stdin, key, driver);

/** A repository that has all links of a chain but the given ones, and disks 0, 1 and 5. */
function listing(lost: readonly number[] = [], vmXml = '<VM><ID>2</ID><TEMPLATE><MEMORY>48</MEMORY></TEMPLATE></VM>') {
  return ({ chain }: ListBackupRequest): ListBackupResponse__Output => ({
    files: ['0', '1', '5'].map((diskId) => ({
      diskId,
      path: `${DIRECTORY}/disk.${diskId}.2`,
      sizeBytes: 100,
      virtualSizeBytes: (diskId === '0' ? 320 : 64) * MIB,
      checksumKnown: true,
      format: 'raw',
      increments: [0],
    })),
    vmXml,
    increments: (chain?.increments ?? []).map(({ id = 0, backupId = '' }) => ({
      increment: { id, backupId },
      present: !lost.includes(id),
      createdUnixMs: 0,
      sizeBytes: 0,
      mergedInto: '',
    })),
  });
}

describe('ds/backup', () => {
  const words = 'node2:/var/lib/one//datastores/103/2 0:1:5 77130f85-001f-4fb6-8c77-141239b34a00 - 2 103';
  const image = async () => bench.openNebula.images.set(20, /<IMAGE>.*<\/IMAGE>/su.exec(await fixture('restore.action.xml'))?.[0] ?? '');

  it('stores what prebackup staged, on the host of the VM', async () => {
    await image();
    bench.agents.behave = () => ({ format: '', sizeBytes: 5 * MIB + 1, md5: '', backupId: '407bf2c9', chain: [] });
    expect(await call('ds/backup', words, await input('backup'))).toEqual({ stdout: '407bf2c9 6 raw', failure: undefined });
    expect(bench.seen()).toEqual(['frontend Backups/List', 'node2 Backups/Store']);
    expect(bench.request('Backups/Store')).toMatchObject({
      operation: { subject: 'backup of VM 2' },
      vmId: 2,
      source: { datastoreId: 103, path: '2/backup' },
      diskIds: [0, 1, 5],
      increment: 1,
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
    bench.agents.listing = listing([1]);
    const { failure } = await call('ds/backup', words, await input('backup'));
    expect(failure).toMatchObject({ reason: 'broken_chain', message: expect.stringContaining('has lost increment 1 (407bf2c9)') });
    expect(failure?.message).toContain('the next backup of VM 2 will be a full one');
    expect(bench.seen()).toEqual(['frontend Backups/List']);
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

describe('ds/restore', () => {
  const options = (more: string) => (text: string) => text.replace('<NO_IP>', `${more}<NO_IP>`);

  it('makes images and a template as the user', async () => {
    expect(await call('ds/restore', '11', base64(await input('restore')), 'key-of-restore')).toEqual({
      stdout: '54 51 52 53',
      failure: undefined,
    });
    expect(new Set(bench.orders.users)).toEqual(new Set(['oneadmin']));
    expect(bench.orders.images.map(({ name }) => name)).toEqual([
      'rest_qcow2_restic-disk-0',
      'rest_qcow2_restic-disk-1',
      'rest_qcow2_restic-disk-5',
    ]);
    expect(bench.orders.images[2]?.template).toBe(
      '<TEMPLATE><NAME>rest_qcow2_restic-disk-5</NAME><TYPE>DATABLOCK</TYPE>' +
        `<PATH>restic://105//0:577e252f,1:407bf2c9,2:16c8a114${DIRECTORY}/disk.5.2</PATH><FROM_BACKUP_DS>105</FROM_BACKUP_DS>` +
        '<ONESTORAGE_RESTORE>key-of-restore</ONESTORAGE_RESTORE></TEMPLATE>',
    );
    expect(bench.orders.templates[0]?.template).toContain('<NAME>rest_qcow2_restic</NAME><MEMORY>48</MEMORY>');
  });

  it('honours INCREMENT_ID and DISK_ID', async () => {
    const change = options('<INCREMENT_ID>1</INCREMENT_ID><DISK_ID>5</DISK_ID>');
    expect((await call('ds/restore', '11', base64(await input('restore', change)))).stdout).toBe('-1 51');
    expect(bench.orders.images[0]?.template).toContain('0:577e252f,1:407bf2c9/');
    const none = await call('ds/restore', '11', base64(await input('restore', options('<DISK_ID>7</DISK_ID>'))));
    expect(none.failure?.message).toContain('backup 20 has no disk 7');
    const far = await call('ds/restore', '11', base64(await input('restore', options('<INCREMENT_ID>9</INCREMENT_ID>'))));
    expect(far.failure?.message).toContain('backup 20 has no increment 9; it has 0, 1, 2');
  });

  it('removes what it made when one allocation fails', async () => {
    bench.orders.images.push({ id: 7, name: 'rest_qcow2_restic-disk-0', mark: 'another restore', template: '' });
    bench.orders.allow = (what) => {
      if (what === 'image' && bench.orders.images.length === 3)
        throw new StorageError('opennebula_refused', 'OpenNebula: [one.image.allocate] limit of 2 reached for IMAGES quota');
    };
    const { failure } = await call('ds/restore', '11', base64(await input('restore')));
    expect(failure?.message).toContain('limit of 2 reached');
    expect(bench.orders.images.map(({ id }) => id)).toEqual([7]);
    expect(bench.lines).toContainEqual(
      expect.stringContaining('image 51 (rest_qcow2_restic-disk-0), which this restore had made, is removed'),
    );
  });

  it('removes images and says why when the template is refused', async () => {
    bench.orders.allow = (what) => {
      if (what === 'template') throw new StorageError('opennebula_refused', 'OpenNebula: not authorized to perform CREATE TEMPLATE');
    };
    expect((await call('ds/restore', '11', base64(await input('restore')))).failure?.message).toContain('not authorized');
    expect(bench.orders.images).toEqual([]);
  });

  it('goes without attributes that the user may not set', async () => {
    const nic = '<VM><ID>2</ID><TEMPLATE><NIC><NETWORK>n</NETWORK><MAC>02:00</MAC></NIC><PCI><VENDOR>1</VENDOR></PCI></TEMPLATE></VM>';
    bench.agents.listing = listing([], nic);
    bench.orders.allow = (what, template) => {
      const refused = what === 'template' ? ['NIC/MAC', 'PCI'].find((name) => template.includes(`<${name.split('/').at(-1)}>`)) : undefined;
      if (refused !== undefined)
        throw new StorageError(
          'opennebula_refused',
          `OpenNebula: [one.template.allocate] VM Template includes a restricted attribute ${refused}.`,
        );
    };
    expect(
      (await call('ds/restore', '11', base64(await input('restore', (text) => text.replace('[YES]', '[NO]'))))).failure,
    ).toBeUndefined();
    expect(bench.orders.templates[0]?.template).not.toMatch(/MAC|PCI/);
    expect(bench.lines).toContainEqual('warn the new template is without NIC/MAC, which this user may not set');
  });

  it('makes nothing twice when the controller was restarted', async () => {
    let reached: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const never = new Promise<void>(() => undefined);
    const stdin = base64(await input('restore'));
    bench.orders.allow = async (what) => {
      if (what === 'image' && bench.orders.images.length === 2) {
        reached();
        await never;
      }
    };
    void call('ds/restore', '11', stdin, 'key-of-restart');
    await held;
    // oned made the third, and the controller died before it heard of it.
    bench.orders.images.push({ id: 99, name: 'rest_qcow2_restic-disk-5', mark: 'key-of-restart', template: '' });
    bench.orders.allow = () => undefined;
    bench = bench.restart();
    bench.operations.recover();
    expect((await call('ds/restore', '11', stdin, 'key-of-restart')).stdout).toBe('53 51 52 99');
    expect(bench.orders.images).toHaveLength(3);
  });

  it('takes back what it made when it is cancelled', async () => {
    const begun = Promise.withResolvers<void>();
    bench.orders.allow = async (what) => {
      if (what !== 'template') return;
      begun.resolve();
      await new Promise((_, reject) => setTimeout(() => reject(new StorageError('cancelled', 'late')), 50));
    };
    const running = call('ds/restore', '11', base64(await input('restore')), 'key-of-cancel');
    await begun.promise;
    bench.actions.cancel('key-of-cancel', 'the operator said so');
    expect((await running).failure).toMatchObject({ reason: 'cancelled' });
    expect(bench.orders.images).toEqual([]);
  });

  it('makes nothing of a chain that is not whole', async () => {
    bench.agents.listing = listing([1, 2]);
    const { failure } = await call('ds/restore', '11', base64(await input('restore')));
    expect(failure?.message).toContain('does not have increment 1 (407bf2c9), 2 (16c8a114); up to increment 0 it can be restored');
    expect(bench.orders.images).toEqual([]);
  });
});

describe('ds/cp of a disk of a backup', () => {
  const address = `restic://105//0:577e252f,1:407bf2c9${DIRECTORY}/disk.5.1`;
  const cp = async (path: string, more = '<FROM_BACKUP_DS>105</FROM_BACKUP_DS>') =>
    base64(
      await input('cp', (text) => text.replace('/var/tmp/one-images/os256.qcow2', path).replace('<DEV_PREFIX>', `${more}<DEV_PREFIX>`)),
    );
  beforeEach(async () => {
    const datastore = /<DATASTORE><ID>.*<\/DATASTORE>/su.exec(await fixture('restore.action.xml'))?.[0] ?? '';
    bench.openNebula.datastores.set(105, datastore);
    bench.openNebula.images.set(45, '<IMAGE><ID>45</ID></IMAGE>');
  });

  it('is fetched from the repository that the address names', async () => {
    bench.agents.behave = () => ({ format: 'qcow2', sizeBytes: 1, md5: '' });
    expect((await bench.call('ds/cp', '45', await cp(address))).stdout).toMatch(/ qcow2$/);
    expect(bench.request('Images/Import')).toMatchObject({
      origin: {
        path: address,
        backup: {
          diskId: '5',
          chain: {
            increments: [
              { id: 0, backupId: '577e252f' },
              { id: 1, backupId: '407bf2c9' },
            ],
          },
          repository: { datastoreId: 105, directory: '2', restic: { password: 'lab' } },
        },
      },
    });
  });

  it('leaves nothing of an image that was deleted meanwhile', async () => {
    bench.openNebula.images.delete(45);
    expect((await bench.call('ds/cp', '45', await cp(address))).failure).toMatchObject({
      reason: 'not_found',
      message: expect.stringContaining('image 45 was deleted while it was restored'),
    });
    expect(bench.seen()).toEqual(['frontend Images/Import', 'frontend Images/Remove']);
  });

  it.each([
    ['another FROM_BACKUP_DS', address, '<FROM_BACKUP_DS>106</FROM_BACKUP_DS>', 'FROM_BACKUP_DS is 106'],
    ['a datastore that is not there', address.replace('105', '99'), '', 'no datastore 99'],
    ['what is no address', 'restic://105/x', '', 'is no disk of a backup'],
  ])('refuses %s', async (_, path, more, text) => {
    expect((await bench.call('ds/cp', '45', await cp(path, more))).failure?.message).toContain(text);
    expect(bench.seen()).toEqual([]);
  });
});

describe('tm/restore', () => {
  const words = 'node2:/var/lib/one//datastores/107/9 9 20 -1 -1';
  beforeEach(async () => {
    const text = await fixture('restore.action.xml');
    bench.openNebula.images.set(20, /<IMAGE>.*<\/IMAGE>/su.exec(text)?.[0] ?? '');
    bench.openNebula.datastores.set(105, /<DATASTORE><ID>.*<\/DATASTORE>/su.exec(text)?.[0] ?? '');
    bench.agents.behave = ({ method }) => ({ format: 'qcow2', sizeBytes: method === 'Backups/Restore' ? 2 ** 40 : 0, md5: '' });
    bench.openNebula.vm_ = await recordedVm({ snapshots: new Map() });
  });
  const steps = () => bench.agents.calls.filter(({ method }) => method !== 'Backups/List').map(({ host, method }) => `${host} ${method}`);
  const names = (method: string) =>
    bench.agents.calls.filter((one) => one.method === method).map(({ request }) => (request['target'] as { path: string }).path);

  it('keeps the old disks until all new ones are there', async () => {
    expect(await bench.call('tm/restore', words)).toEqual({ stdout: '', failure: undefined });
    const each = ['node2 Disks/Remove', 'node2 Backups/Restore'];
    const shared = (bench.request('Backups/Swap')['disks'] as unknown[]).length;
    expect(steps()).toEqual([...Array(shared).fill(each).flat(), 'node2 Backups/Swap']);
    expect(bench.request('Backups/Restore')).toMatchObject({
      target: { datastoreId: 107, path: '9/disk.0.backup' },
      diskId: '0',
      chain: { increments: [{ id: 0 }, { id: 1 }, { id: 2 }] },
      repository: { datastoreId: 105, directory: '2', restic: { password: 'lab' } },
    });
    expect(bench.request('Backups/Swap')['disks']).toContainEqual({
      disk: { datastoreId: 107, path: '9/disk.0' },
      replacement: { datastoreId: 107, path: '9/disk.0.backup' },
    });
  });

  it('restores one disk of one increment', async () => {
    await bench.call('tm/restore', 'node2:/var/lib/one//datastores/107/9 9 20 1 0');
    expect(bench.request('Backups/Restore')['chain']).toEqual({
      increments: [
        { id: 0, backupId: '577e252f' },
        { id: 1, backupId: '407bf2c9' },
      ],
    });
    expect(bench.request('Backups/Swap')['disks']).toHaveLength(1);
  });

  it('removes what came when one disk cannot be restored', async () => {
    bench.agents.behave = ({ method, request }) => {
      if (method === 'Backups/Restore' && request['diskId'] === '1')
        throw new StorageError('bad_checksum', 'disk 1 differs from its checksum');
      return { format: 'qcow2', sizeBytes: 2 ** 40, md5: '' };
    };
    expect((await bench.call('tm/restore', words)).failure?.message).toContain('differs from its checksum');
    expect(steps()).not.toContain('node2 Backups/Swap');
    expect(names('Disks/Remove').slice(2)).toContain('9/disk.0.backup');
    expect(names('Disks/Remove').every((name) => name.endsWith('.backup'))).toBe(true);
  });

  it('removes what came when the swap is refused', async () => {
    bench.agents.behave = ({ method }) => {
      if (method === 'Backups/Swap') throw new StorageError('not_found', 'the restored disk.1.backup is not there');
      return { format: 'qcow2', sizeBytes: 2 ** 40, md5: '' };
    };
    expect((await bench.call('tm/restore', words)).failure?.message).toContain('disk.1.backup is not there');
    expect(steps().at(-1)).toBe('node2 Disks/Remove');
  });

  it.each([
    ['another VM', 'node2:/var/lib/one//datastores/107/8 9 20 -1 -1', 'is not in the directory of VM 9'],
    ['no such disk', 'node2:/var/lib/one//datastores/107/9 9 20 -1 7', 'backup 20 has no disk 7; it has 0, 1, 5'],
    ['no such increment', 'node2:/var/lib/one//datastores/107/9 9 20 5 -1', 'backup 20 has no increment 5'],
    ['no such backup', 'node2:/var/lib/one//datastores/107/9 9 21 -1 -1', 'no image 21'],
  ])('refuses %s', async (_, argv, text) => {
    expect((await bench.call('tm/restore', argv)).failure?.message).toContain(text);
    expect(steps().filter((step) => !step.endsWith('Disks/Remove'))).toEqual([]);
  });

  it('does not take snapshots from OpenNebula that it goes on to offer', async () => {
    const vm = await recordedVm();
    const disks = vm.disks.map((disk) => ({ ...disk, clone: false }));
    bench.openNebula.vm_ = { ...vm, disks, snapshots: new Map([[0, [3, 4]]]) };
    expect((await bench.call('tm/restore', words)).failure?.message).toContain('disk 0 of VM 9 is persistent and has snapshots (3, 4)');
  });
});
