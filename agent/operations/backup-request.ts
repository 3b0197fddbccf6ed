import type { BackupChain__Output } from '../../proto/gen/onestorage/v1/BackupChain.ts';
import type { BackupLimits__Output } from '../../proto/gen/onestorage/v1/BackupLimits.ts';
import type { BackupOrigin__Output } from '../../proto/gen/onestorage/v1/BackupOrigin.ts';
import type { BootBackupRequest__Output } from '../../proto/gen/onestorage/v1/BootBackupRequest.ts';
import type { Repository__Output } from '../../proto/gen/onestorage/v1/Repository.ts';
import type { ResticRepository__Output } from '../../proto/gen/onestorage/v1/ResticRepository.ts';
import { StorageError } from '../../runtime/errors.ts';
import { MIB } from '../../runtime/units.ts';
import { checkChain } from '../backends/repository/chain.ts';
import type { ChainOf, LimitsOf, RepositoryOf, RepositorySecret, ResticOf } from '../backends/repository/input.ts';
import { isBackupId } from '../backends/repository/repository.ts';
import type { BackupSource } from '../origin/origin.ts';

/** A repository as journals may hold it, and the secrets that they may not. */
export interface ReadRepository {
  readonly repository: RepositoryOf;
  readonly secret: RepositorySecret;
}

/** Checks of what a request says of a repository. Each throws bad_argument. */

export function readRepository(wire: Repository__Output | null): ReadRepository {
  if (wire === null) throw new StorageError('bad_argument', 'repository is missing');
  const { datastoreId, directory, workDirectory } = wire;
  const common = { datastoreId, directory, workDirectory, limits: readLimits(wire.limits) };
  if (wire.restic) {
    const secret = {
      password: wire.restic.password,
      restPassword: wire.restic.rest?.restPassword ?? '',
      s3SecretAccessKey: wire.restic.s3?.secretAccessKey ?? '',
    };
    return { repository: { ...common, store: readRestic(wire.restic) }, secret };
  }
  if (!wire.rsync) throw new StorageError('bad_argument', 'repository is neither restic nor rsync');
  const { host, user, basePath } = wire.rsync;
  const store = { kind: 'rsync' as const, host, user, basePath, arguments: [...wire.rsync.arguments] };
  return { repository: { ...common, store }, secret: { password: '', restPassword: '', s3SecretAccessKey: '' } };
}

function readRestic(wire: ResticRepository__Output): ResticOf {
  const { connections, pruneMaxRepack, pruneMaxUnused } = wire;
  const place = readPlace(wire);
  return { kind: 'restic', place, compression: compressionOf(wire.compression), connections, pruneMaxRepack, pruneMaxUnused };
}

function compressionOf(word: string): ResticOf['compression'] {
  if (word === '' || word === 'auto') return 'auto';
  if (word === 'off' || word === 'max') return word;
  throw new StorageError('bad_argument', `RESTIC_COMPRESSION is '${word.slice(0, 40)}'; auto, off and max are known`);
}

function readPlace({ local, sftp, rest, s3 }: ResticRepository__Output): ResticOf['place'] {
  if (local) return { at: 'local' };
  if (sftp) return { at: 'sftp', host: sftp.host, user: sftp.user, basePath: sftp.basePath };
  if (rest) return { at: 'rest', url: rest.url, user: rest.user, caCertificate: rest.caCertificate };
  if (!s3) throw new StorageError('bad_argument', 'the repository has no location');
  const { endpoint, bucket, prefix, region, accessKeyId, forcePathStyle, caCertificate, insecureTls } = s3;
  if (/[\r\n]/u.test(accessKeyId + s3.secretAccessKey)) throw new StorageError('bad_argument', 'an S3 key has a line break');
  return { at: 's3', endpoint, bucket, prefix, region, accessKeyId, forcePathStyle, caCertificate, insecureTls };
}

export function readLimits(wire: BackupLimits__Output | null): LimitsOf {
  const none = {
    bytesPerSecond: 0,
    threads: 0,
    cpuPercent: 0,
    memoryBytes: 0,
    readOperationsPerSecond: 0,
    writeOperationsPerSecond: 0,
  };
  if (wire === null) return none;
  const { bytesPerSecond, threads, cpuPercent, memoryBytes, readOperationsPerSecond, writeOperationsPerSecond } = wire;
  const nice = within(wire.nice, -20, 19, '_NICE');
  const ioNice = within(wire.ioNice, 0, 7, '_IONICE');
  return {
    ...{ bytesPerSecond, threads, cpuPercent, memoryBytes, readOperationsPerSecond, writeOperationsPerSecond },
    ...(nice === undefined ? {} : { nice }),
    ...(ioNice === undefined ? {} : { ioNice }),
  };
}

function within(value: number | undefined, least: number, most: number, attribute: string): number | undefined {
  if (value === undefined || (value >= least && value <= most)) return value;
  throw new StorageError('bad_argument', `${attribute} is ${value}; ${least} to ${most} are possible`);
}

export function readChain(wire: BackupChain__Output | null): ChainOf {
  return checkChain((wire?.increments ?? []).map(({ id, backupId }) => ({ id, backupId })));
}

export function readBackupIds(ids: readonly string[]): string[] {
  const wrong = ids.find((id) => !isBackupId(id));
  if (wrong !== undefined) throw new StorageError('bad_argument', `'${wrong.slice(0, 70)}' is not the id of a backup`);
  if (ids.length === 0) throw new StorageError('bad_argument', 'no backup is named');
  return [...ids];
}

export function readDiskId(text: string): string {
  if (/^(?:\d{1,9}|tpm)$/u.test(text)) return text;
  throw new StorageError('bad_argument', `'${text.slice(0, 40)}' is not a disk: a number, or tpm`);
}

const BUSES = ['virtio', 'scsi', 'ide'] as const;
const LEAST_MEMORY = 64 * MIB;
const MOST_MEMORY = 16 * 1024 * MIB;
const LONGEST_BOOT_SECONDS = 24 * 3600;

/** Error bad_argument. */
export function readBoot({ disks, memoryBytes, machine, limitSeconds }: BootBackupRequest__Output) {
  const read = disks.map(({ diskId, bus }) => {
    const known = BUSES.find((name) => name === bus);
    if (known === undefined) throw new StorageError('bad_argument', `'${bus.slice(0, 20)}' is not a bus of disks: ${BUSES.join(', ')}`);
    return { diskId, bus: known };
  });
  if (read.length === 0) throw new StorageError('bad_argument', 'no disk is named to boot from');
  if (machine !== 'pc' && machine !== 'q35') throw new StorageError('bad_argument', `'${machine.slice(0, 20)}' is not a machine: pc, q35`);
  within(memoryBytes, LEAST_MEMORY, MOST_MEMORY, 'memory of the machine');
  within(limitSeconds, 1, LONGEST_BOOT_SECONDS, 'limit of the boot');
  return { disks: read, machine, memoryBytes, limitSeconds } as const;
}

export function readBackupOrigin(wire: BackupOrigin__Output | null): BackupSource | undefined {
  if (wire === null) return undefined;
  const { repository, secret } = readRepository(wire.repository);
  return { input: { repository, chain: readChain(wire.chain), diskId: readDiskId(wire.diskId) }, secret };
}
