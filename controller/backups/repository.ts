import { readFile } from 'node:fs/promises';
import type { BackupLimits } from '../../proto/gen/onestorage/v1/BackupLimits.ts';
import type { Repository } from '../../proto/gen/onestorage/v1/Repository.ts';
import type { ResticRepository } from '../../proto/gen/onestorage/v1/ResticRepository.ts';
import { asStorageError, oneLine, StorageError } from '../../runtime/errors.ts';
import { type DatastoreRecord, words } from '../opennebula/action-data.ts';
import { yes } from '../opennebula/pick.ts';
import type { BackupProtocol } from './address.ts';

type Template = DatastoreRecord['template'];

/** restic or rsync, by the driver: ours or the stock one, whose datastores have the same attributes. Throws bad_argument for any other. */
export function protocolOf({ id, dsMad }: DatastoreRecord): BackupProtocol {
  const name = dsMad?.toLowerCase().replace(/^agent_/, '');
  if (name === 'restic' || name === 'rsync') return name;
  throw new StorageError('bad_argument', `datastore ${id} with DS_MAD ${oneLine(dsMad ?? '-')} keeps no backups with restic or rsync`);
}

/** The repository of the backups of a VM, or of a backup job. */
export function directoryFor(datastore: DatastoreRecord, vmId: number, jobId: number | undefined): string {
  return protocolOf(datastore) === 'restic' && jobId !== undefined ? `job_${jobId}` : String(vmId);
}

/**
 * A repository as agents take it, of the attributes of its datastore (contract 4); `directory` is that of a VM or a job. It holds secrets.
 * Throws bad_argument for an attribute that is missing or cannot be read.
 */
export async function repositoryOf(datastore: DatastoreRecord, directory: string): Promise<Repository> {
  const { id: datastoreId, template } = datastore;
  const basePath = datastore.basePath.replace(/\/{2,}/g, '/');
  const common = { datastoreId, directory, limits: limitsOf(datastore) };
  if (protocolOf(datastore) === 'restic') {
    const restic = await resticOf(datastore, basePath);
    return { ...common, restic, workDirectory: template.get('RESTIC_TMP_DIR') ?? '' };
  }
  const rsync = {
    host: required(datastore, 'RSYNC_HOST'),
    user: template.get('RSYNC_USER') ?? '',
    basePath,
    arguments: [...words(template.get('RSYNC_ARGS'))],
  };
  return { ...common, rsync, workDirectory: template.get('RSYNC_TMP_DIR') ?? '' };
}

async function resticOf(datastore: DatastoreRecord, basePath: string): Promise<ResticRepository> {
  return {
    ...(await locationOf(datastore, basePath)),
    // The stock driver takes quotes around it away.
    password: required(datastore, 'RESTIC_PASSWORD').replace(/^(['"])(.*)\1$/su, '$2'),
    compression: oneOf(datastore, 'RESTIC_COMPRESSION', ['auto', 'off', 'max']),
    connections: count(datastore, 'RESTIC_CONNECTIONS') ?? 0,
    pruneMaxRepack: matching(datastore, 'RESTIC_PRUNE_MAX_REPACK', /^\d+[kKmMgGtT]?$/),
    pruneMaxUnused: matching(datastore, 'RESTIC_PRUNE_MAX_UNUSED', /^(?:\d+[kKmMgGtT%]?|unlimited)$/),
  };
}

async function locationOf(datastore: DatastoreRecord, basePath: string): Promise<ResticRepository> {
  const { template } = datastore;
  const backend = (template.get('RESTIC_BACKEND') ?? 'SFTP').toUpperCase();
  if (backend === 'SFTP') {
    return { sftp: { host: required(datastore, 'RESTIC_SFTP_SERVER'), user: template.get('RESTIC_SFTP_USER') ?? '', basePath } };
  }
  if (backend === 'LOCAL') return { local: {} };
  if (backend === 'REST') {
    const rest = {
      url: matching(datastore, 'RESTIC_REST_URL', /^https?:\/\/\S+$/) || required(datastore, 'RESTIC_REST_URL'),
      user: template.get('RESTIC_REST_USER') ?? '',
      restPassword: template.get('RESTIC_REST_PASSWORD') ?? '',
      caCertificate: await certificate(datastore, 'RESTIC_REST_CACERT'),
    };
    return { rest };
  }
  if (backend === 'S3') return { s3: await s3Of(datastore) };
  throw wrong(datastore, 'RESTIC_BACKEND', 'SFTP, S3, REST or LOCAL');
}

async function s3Of(datastore: DatastoreRecord): Promise<NonNullable<ResticRepository['s3']>> {
  const { template } = datastore;
  const endpoint = (template.get('RESTIC_S3_ENDPOINT') ?? '').replace(/^s3:/, '').replace(/\/+$/, '');
  const address = endpoint === '' || /^https?:\/\//.test(endpoint) ? endpoint : `https://${endpoint}`;
  return {
    endpoint: address === 'https://s3.amazonaws.com' ? '' : address,
    bucket: required(datastore, 'RESTIC_S3_BUCKET'),
    region: template.get('RESTIC_S3_REGION') ?? '',
    accessKeyId: required(datastore, 'RESTIC_S3_ACCESS_KEY_ID'),
    secretAccessKey: required(datastore, 'RESTIC_S3_SECRET_ACCESS_KEY'),
    forcePathStyle: yes(template.get('RESTIC_S3_FORCE_PATH_STYLE'), false),
    caCertificate: await certificate(datastore, 'RESTIC_S3_CACERT'),
    insecureTls: yes(template.get('RESTIC_S3_INSECURE_TLS'), false),
    // Stock puts the repositories at the top of the bucket.
    prefix: '',
  };
}

/**
 * Limits of a backup datastore, of whatever driver. Stock names them after it: `RESTIC_CPU_QUOTA` of restic, so `AGENT_RESTIC_CPU_QUOTA` of
 * ours; both are read. -1: none. Throws bad_argument for one that cannot be read.
 */
export function limitsOf(datastore: DatastoreRecord): BackupLimits & { readonly bytesPerSecond: number } {
  const protocol = (datastore.dsMad ?? '').toUpperCase().replace(/^AGENT_/, '');
  const limit = (name: string): number | undefined =>
    count(datastore, `AGENT_${protocol}_${name}`) ?? count(datastore, `${protocol}_${name}`);
  const signed = (name: string): number | undefined =>
    integer(datastore, `AGENT_${protocol}_${name}`, -20, 19) ?? integer(datastore, `${protocol}_${name}`, -20, 19);
  const nice = signed('NICE');
  const ioNice = limit('IONICE');
  return {
    // In KiB, as restic and rsync take it.
    bytesPerSecond: (limit('BWLIMIT') ?? 0) * 1024,
    threads: limit('MAXPROC') ?? 0,
    cpuPercent: limit('CPU_QUOTA') ?? 0,
    memoryBytes: (limit('MEMORY_MAX_MB') ?? 0) * 1024 ** 2,
    readOperationsPerSecond: limit('MAX_RIOPS') ?? 0,
    writeOperationsPerSecond: limit('MAX_WIOPS') ?? 0,
    ...(nice === undefined || nice === -1 ? {} : { nice }),
    ...(ioNice === undefined ? {} : { ioNice }),
  };
}

/** The stock attribute is the path of a file, here of the front-end; a certificate itself does as well. */
async function certificate(datastore: DatastoreRecord, name: string): Promise<string> {
  const text = attribute(datastore.template, name) ?? '';
  if (text === '' || text.includes('-----BEGIN CERTIFICATE-----')) return text;
  if (!text.startsWith('/')) throw wrong(datastore, name, 'the path of a file, or a certificate');
  try {
    return await readFile(text, 'utf8');
  } catch (thrown) {
    throw new StorageError('bad_argument', `${name} of datastore ${datastore.id}: ${asStorageError(thrown).message}`);
  }
}

function required(datastore: DatastoreRecord, name: string): string {
  const text = datastore.template.get(name) ?? '';
  if (text !== '') return text;
  throw new StorageError('bad_argument', `datastore ${datastore.id} has no ${name}; set it with: onedatastore update ${datastore.id}`);
}

function wrong(datastore: DatastoreRecord, name: string, expected: string): StorageError {
  const text = JSON.stringify(oneLine(datastore.template.get(name) ?? '').slice(0, 60));
  return new StorageError('bad_argument', `${name} of datastore ${datastore.id} is ${text}; expected ${expected}`);
}

/** -1 and nothing: not set. */
function count(datastore: DatastoreRecord, name: string): number | undefined {
  const value = integer(datastore, name, -1, 2 ** 31 - 1);
  return value === -1 ? undefined : value;
}

function integer(datastore: DatastoreRecord, name: string, from: number, to: number): number | undefined {
  const text = attribute(datastore.template, name);
  if (text === undefined) return undefined;
  const value = /^-?[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= from && value <= to) return value;
  throw wrong(datastore, name, `a whole number from ${from} to ${to}`);
}

function oneOf(datastore: DatastoreRecord, name: string, expected: readonly string[]): string {
  const text = attribute(datastore.template, name)?.toLowerCase() ?? '';
  if (text === '' || expected.includes(text)) return text;
  throw wrong(datastore, name, expected.join(', '));
}

function matching(datastore: DatastoreRecord, name: string, pattern: RegExp): string {
  const text = attribute(datastore.template, name) ?? '';
  if (text === '' || pattern.test(text)) return text;
  throw wrong(datastore, name, String(pattern));
}

function attribute(template: Template, name: string): string | undefined {
  const text = template.get(name)?.trim();
  return text === '' ? undefined : text;
}
