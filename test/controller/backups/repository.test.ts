import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repositoryOf } from '../../../controller/backups/repository.ts';
import type { DatastoreRecord } from '../../../controller/opennebula/action-data.ts';

function datastore(dsMad: string, template: Record<string, string>): DatastoreRecord {
  const basePath = '/var/lib/one//datastores/105';
  return { id: 105, type: 3, dsMad, tmMad: '-', basePath, template: new Map(Object.entries(template)) };
}
const restic = (template: Record<string, string>) => datastore('agent_restic', { RESTIC_PASSWORD: 'p', ...template });
const SFTP = { RESTIC_SFTP_SERVER: 'backup.example' };

describe('repositoryOf', () => {
  it('reads a stock datastore on an sftp server', async () => {
    const template = {
      ...SFTP,
      RESTIC_PASSWORD: '"s\'cret"',
      RESTIC_COMPRESSION: 'MAX',
      RESTIC_CONNECTIONS: '7',
      RESTIC_TMP_DIR: '/scratch',
    };
    expect(await repositoryOf(restic({ ...template, RESTIC_BWLIMIT: '100', RESTIC_MAXPROC: '2' }), '7')).toMatchObject({
      datastoreId: 105,
      directory: '7',
      workDirectory: '/scratch',
      limits: { bytesPerSecond: 102_400, threads: 2, cpuPercent: 0 },
      restic: {
        sftp: { host: 'backup.example', user: '', basePath: '/var/lib/one/datastores/105' },
        password: "s'cret",
        compression: 'max',
        connections: 7,
      },
    });
  });

  it('reads S3 with the names that stock has, REST and LOCAL', async () => {
    const keys = { RESTIC_BACKEND: 's3', RESTIC_S3_BUCKET: 'b', RESTIC_S3_ACCESS_KEY_ID: 'id', RESTIC_S3_SECRET_ACCESS_KEY: 'key' };
    const s3 = async (more: Record<string, string>) => (await repositoryOf(restic({ ...keys, ...more }), '7')).restic?.s3;
    expect(await s3({})).toMatchObject({ endpoint: '', bucket: 'b', prefix: '', forcePathStyle: false });
    expect(await s3({ RESTIC_S3_ENDPOINT: 's3.amazonaws.com/' })).toMatchObject({ endpoint: '' });
    expect(await s3({ RESTIC_S3_ENDPOINT: 's3:http://127.0.0.1:9000', RESTIC_S3_FORCE_PATH_STYLE: 'yes' })).toMatchObject({
      endpoint: 'http://127.0.0.1:9000',
      forcePathStyle: true,
    });
    expect(await s3({ RESTIC_S3_ENDPOINT: 'minio.example' })).toMatchObject({ endpoint: 'https://minio.example' });
    const rest = { RESTIC_BACKEND: 'REST', RESTIC_REST_URL: 'https://r.example/x', RESTIC_REST_USER: 'u', RESTIC_REST_PASSWORD: 'w' };
    expect((await repositoryOf(restic(rest), '7')).restic?.rest).toMatchObject({
      url: 'https://r.example/x',
      user: 'u',
      restPassword: 'w',
    });
    expect((await repositoryOf(restic({ RESTIC_BACKEND: 'local' }), '')).restic?.local).toEqual({});
  });

  it('reads the certificate of an authority from the file that stock names', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'onestorage-repository-'));
    const file = join(directory, 'ca.pem');
    await writeFile(file, '-----BEGIN CERTIFICATE-----\n');
    const rest = { RESTIC_BACKEND: 'REST', RESTIC_REST_URL: 'https://r.example', RESTIC_REST_CACERT: file };
    expect((await repositoryOf(restic(rest), '7')).restic?.rest?.caCertificate).toContain('BEGIN CERTIFICATE');
    await rm(directory, { recursive: true });
    await expect(repositoryOf(restic(rest), '7')).rejects.toThrow('RESTIC_REST_CACERT of datastore 105: ');
  });

  it('reads rsync, and limits under both names', async () => {
    const template = {
      RSYNC_HOST: 'h',
      RSYNC_USER: 'u',
      RSYNC_ARGS: '-aS  --partial',
      RSYNC_CPU_QUOTA: '50',
      AGENT_RSYNC_MEMORY_MAX_MB: '3',
    };
    expect(await repositoryOf(datastore('agent_rsync', { ...template, RSYNC_NICE: '19', RSYNC_MAX_RIOPS: '-1' }), '7')).toMatchObject({
      rsync: { host: 'h', user: 'u', basePath: '/var/lib/one/datastores/105', arguments: ['-aS', '--partial'] },
      limits: { cpuPercent: 50, memoryBytes: 3 * 1024 ** 2, nice: 19, readOperationsPerSecond: 0 },
    });
    expect(await repositoryOf(datastore('rsync', { RSYNC_HOST: 'h' }), '')).toMatchObject({ rsync: { host: 'h', user: '' } });
  });

  it.each([
    [restic({}), 'datastore 105 has no RESTIC_SFTP_SERVER'],
    [restic({ ...SFTP, RESTIC_BACKEND: 'FTP' }), 'RESTIC_BACKEND of datastore 105 is "FTP"; expected SFTP, S3, REST or LOCAL'],
    [restic({ ...SFTP, RESTIC_MAXPROC: 'two' }), 'RESTIC_MAXPROC of datastore 105 is "two"; expected a whole number'],
    [restic({ ...SFTP, RESTIC_COMPRESSION: 'best' }), 'expected auto, off, max'],
    [restic({ ...SFTP, RESTIC_PRUNE_MAX_UNUSED: '1; rm -rf /' }), 'RESTIC_PRUNE_MAX_UNUSED of datastore 105'],
    [datastore('agent_rsync', {}), 'datastore 105 has no RSYNC_HOST'],
    [datastore('fs', {}), 'keeps no backups'],
  ])('says what is wrong with %#', async (record, text) => {
    await expect(repositoryOf(record, '7')).rejects.toThrow(text);
  });
});
