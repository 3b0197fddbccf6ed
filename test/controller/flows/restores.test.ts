import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backupImage } from '../../../controller/opennebula/backup-data.ts';
import { readXml } from '../../../controller/opennebula/xml.ts';
import { StorageError } from '../../../runtime/errors.ts';
import type { ActionName } from '../../../shims/actions.ts';
import { type Bench, openBench } from '../call.ts';
import { base64, fixture, recordedVm } from '../fake-agents.ts';
import { DIRECTORY, input, listing } from './backup-documents.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
  bench.agents.listing = listing();
});
afterEach(() => bench.close());

const call = (action: ActionName, argv: string, stdin: string, key?: string, driver = 'agent_restic') =>
  bench.call(action, argv, stdin, key, driver);

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

  it('is fetched also when a stock driver has exported it from Ceph', async () => {
    bench.agents.behave = () => ({ format: 'raw', sizeBytes: 1, md5: '' });
    const exported = address.replace('restic:', 'restic+rbd:').replace('disk.5.1', 'disk.5.1.rbdiff');
    expect((await bench.call('ds/cp', '45', await cp(exported))).stdout).toMatch(/ raw$/);
    expect(bench.request('Images/Import')).toMatchObject({
      origin: { path: exported, backup: { diskId: '5', chain: { increments: [{ id: 0 }, { id: 1 }] }, repository: { datastoreId: 105 } } },
    });
  });

  it('is read for a user who may use the backup, and for nobody else', async () => {
    const ofAlice = async (path: string) =>
      base64(
        Buffer.from(await cp(path), 'base64')
          .toString()
          .replace('<UID>0</UID><GID>0</GID><UNAME>oneadmin', '<UID>4</UID><GID>100</GID><UNAME>alice'),
      );
    const refused = { reason: 'opennebula_refused', message: expect.stringContaining('in datastore 105 that user alice may not use') };
    expect((await bench.call('ds/cp', '45', await ofAlice(address))).failure).toMatchObject(refused);
    const image = /<IMAGE>.*<\/IMAGE>/su.exec(await fixture('restore.action.xml'))?.[0] ?? '';
    bench.orders.usable = [backupImage(readXml(image, 'an image'))];
    expect(bench.orders.users).toEqual(['alice']);
    // Of another machine, and with a link that is not of the backup: job repositories hold the backups of several.
    for (const path of [
      address.replace('/2/backup', '/3/backup'),
      address.replace('407bf2c9', '0badcafe'),
      address.replace('105//', '105/7/'),
    ]) {
      expect((await bench.call('ds/cp', '45', await ofAlice(path))).failure).toMatchObject(refused);
    }
    expect(bench.seen()).toEqual([]);
    expect((await bench.call('ds/cp', '45', await ofAlice(address))).stdout).toMatch(/ raw$/);
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

  it('restores the state of the TPM with all disks or the first one, and goes without it when there is none', async () => {
    const withTpm = (request: Parameters<ReturnType<typeof listing>>[0]) => {
      const found = listing()(request);
      const [disk] = found.files;
      return { ...found, files: disk === undefined ? [] : [...found.files, { ...disk, diskId: 'tpm', path: `${DIRECTORY}/disk.tpm.0` }] };
    };
    bench.agents.listing = withTpm;
    bench.openNebula.vm_ = await recordedVm({ snapshots: new Map(), tpm: true });
    const state = { datastoreId: 107, path: '9/tpm/tpm2-00.permall' };
    const swap = { disk: state, replacement: { ...state, path: `${state.path}.backup` } };
    expect((await bench.call('tm/restore', words)).failure).toBeUndefined();
    expect(bench.request('Backups/Swap')['disks']).toContainEqual(swap);
    expect(names('Backups/Restore')).toContain(swap.replacement.path);
    bench.agents.calls.length = 0;
    await bench.call('tm/restore', words.replace('-1 -1', '-1 1'), '', 'one-disk');
    expect(names('Backups/Restore')).toEqual(['9/disk.1.backup']);
    bench.agents.calls.length = 0;
    bench.agents.behave = ({ method, request }) => {
      if (method === 'Backups/Restore' && request['diskId'] === 'tpm')
        throw new StorageError('not_found', 'there is no state in the archive');
      return { format: 'qcow2', sizeBytes: 2 ** 40, md5: '' };
    };
    expect((await bench.call('tm/restore', words, '', 'without')).failure).toBeUndefined();
    expect(bench.request('Backups/Swap')['disks']).not.toContainEqual(swap);
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
