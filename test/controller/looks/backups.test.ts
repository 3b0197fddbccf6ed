import { beforeEach, describe, expect, it } from 'vitest';
import { lookAtBackup, lookAtBackups } from '../../../controller/looks/backups.ts';
import { readXml } from '../../../controller/opennebula/xml.ts';
import type { CatalogEntry__Output } from '../../../proto/gen/onestorage/v1/CatalogEntry.ts';
import type { CatalogRequest } from '../../../proto/gen/onestorage/v1/CatalogRequest.ts';
import { StorageError } from '../../../runtime/errors.ts';
import { MIB } from '../../../runtime/units.ts';
import { type FakeServices, fakeServices, fixture } from '../fake-agents.ts';

const signal = new AbortController().signal;
const recorded = await fixture('restore.action.xml');
/** Backup 20 of VM 2 in datastore 105, with three increments. */
const image = /<IMAGE>.*<\/IMAGE>/su.exec(recorded)?.[0] ?? '';
const datastore = /<DATASTORE><ID>105.*<\/DATASTORE>(?=<DEST)/su.exec(recorded)?.[0] ?? '';
const of = (id: number, vm: number): string => image.replace('<ID>20<', `<ID>${id}<`).replace('<VMS><ID>2<', `<VMS><ID>${vm}<`);

function entry(backupId: string, files: readonly string[], more: Partial<CatalogEntry__Output> = {}): CatalogEntry__Output {
  return { backupId, createdUnixMs: 5, sizeBytes: 3 * MIB, files: ['vm.xml', ...files], vmId: 2, merged: [], ...more };
}
const whole = [
  entry('577e252f', ['disk.0.0', 'disk.1.0', 'disk.tpm.0']),
  entry('407bf2c9', ['disk.0.1']),
  entry('16c8a114', ['disk.0.2'], { sizeBytes: 0 }),
];

let services: FakeServices;
let images: string[];
beforeEach(() => {
  services = fakeServices();
  services.openNebula.images.set(20, image);
  services.openNebula.datastores.set(105, datastore);
  services.agents.catalog = () => ({ entries: whole });
  images = [image];
});
const all = { vmId: undefined, datastoreId: undefined };
const list = (filter: { vmId?: number; datastoreId?: number } = {}) =>
  lookAtBackups(
    { ...all, ...filter },
    { ...services, overview: { backupImages: async () => images.map((text) => readXml(text, 'an image')) } },
    signal,
  );

describe('one backup', () => {
  it('is told of with every increment, its size and its disks', async () => {
    expect(await lookAtBackup(20, services, signal)).toMatchObject({
      ...{ id: 20, vmId: 2, jobId: undefined, datastoreId: 105, mode: 'increment', state: 'whole', failure: undefined },
      ...{ newestUnixMs: 1_795_377_433_000, sizeBytes: 6 * MIB },
      increments: [
        { id: 0, full: true, backupId: '577e252f', createdUnixMs: 1_795_377_301_000, sizeBytes: 3 * MIB, disks: ['0', '1', 'tpm'] },
        { id: 1, full: false, present: true, disks: ['0'] },
        // What the repository does not know without reading it is as OpenNebula has it.
        { id: 2, sizeBytes: 0, mergedInto: undefined },
      ],
    });
    expect(services.agents.calls).toMatchObject([
      { host: 'frontend', method: 'Backups/Catalog', request: { repository: { directory: '2' } } },
    ]);
  });

  it('says which increments are gone, and which were merged', async () => {
    services.agents.catalog = () => ({ entries: [entry('0badcafe', ['disk.0.1'], { merged: ['577e252f', '407bf2c9'] })] });
    const found = await lookAtBackup(20, services, signal);
    expect(found.state).toBe('missing');
    expect(found.increments.map(({ present, mergedInto }) => [present, mergedInto])).toEqual([
      [true, '0badcafe'],
      [true, '0badcafe'],
      [false, undefined],
    ]);
  });

  it('is asked of a bridge, by the name of its job', async () => {
    services.openNebula.images.set(20, image.replace('<TEMPLATE></TEMPLATE>', '<TEMPLATE><BACKUP_JOB_ID>4</BACKUP_JOB_ID></TEMPLATE>'));
    services.openNebula.datastores.set(105, datastore.replace('<RESTIC_PASSWORD>', '<BRIDGE_LIST>backup1</BRIDGE_LIST><RESTIC_PASSWORD>'));
    services = { ...fakeServices({ hosts: { backup1: { address: 'backup1:2635' } } }), openNebula: services.openNebula };
    await lookAtBackup(20, services, signal);
    expect(services.agents.calls).toMatchObject([{ host: 'backup1', request: { repository: { directory: 'job_4' } } }]);
  });

  it('must be one', async () => {
    services.openNebula.images.set(16, await fixture('image-16.xml'));
    await expect(lookAtBackup(16, services, signal)).rejects.toMatchObject({ reason: 'bad_argument', message: 'image 16 is no backup' });
    await expect(lookAtBackup(17, services, signal)).rejects.toMatchObject({ reason: 'not_found' });
  });
});

describe('the list', () => {
  it('asks every repository once', async () => {
    images = [of(22, 3), of(21, 2), image];
    const found = await list();
    expect(found.map(({ id, vmId, state }) => [id, vmId, state])).toEqual([
      [20, 2, 'whole'],
      [21, 2, 'whole'],
      [22, 3, 'whole'],
    ]);
    expect(services.agents.calls).toHaveLength(2);
  });

  it('can be of one machine or one datastore', async () => {
    images = [image, of(22, 3), of(23, 3).replace('<DATASTORE_ID>105<', '<DATASTORE_ID>106<')];
    services.openNebula.datastores.set(106, datastore.replace('<ID>105<', '<ID>106<'));
    expect((await list({ vmId: 3 })).map(({ id }) => id)).toEqual([22, 23]);
    expect((await list({ vmId: 3, datastoreId: 106 })).map(({ id }) => id)).toEqual([23]);
    expect(await list({ vmId: 9 })).toEqual([]);
  });

  it('has those that cannot be looked at, with the reason', async () => {
    services.agents.catalog = ({ repository }: CatalogRequest) => {
      if (repository?.directory === '3') throw new StorageError('repository_unreachable', 'backup.example cannot be reached');
      return { entries: whole };
    };
    images = [
      image,
      of(22, 3),
      of(23, 2).replace('<DATASTORE_ID>105<', '<DATASTORE_ID>107<'),
      of(24, 2)
        .replace(/<SOURCE><!\[CDATA\[577e252f\]\]><\/SOURCE><PATH>/u, '<SOURCE></SOURCE><PATH>')
        .replace(/<BACKUP_INC.*CREMENTS>/su, ''),
    ];
    expect((await list()).map(({ id, state, failure }) => [id, state, failure?.message])).toEqual([
      [20, 'whole', undefined],
      [22, 'unknown', 'backup.example cannot be reached'],
      [23, 'unknown', 'OpenNebula: no datastore 107'],
      [24, 'unknown', 'nothing was stored in it'],
    ]);
  });
});
