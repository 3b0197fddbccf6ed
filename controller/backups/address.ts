import { oneLine, StorageError } from '../../runtime/errors.ts';

export type BackupProtocol = 'restic' | 'rsync';

export interface ChainLink {
  readonly id: number;
  readonly backupId: string;
}

/** A file of a backup, as stock writes it: `restic://105/12/0:577e252f,1:407bf2c9/var/lib/one/datastores/0/7/backup/disk.0.1` (contract 8). */
export interface BackupAddress {
  readonly protocol: BackupProtocol;
  /** Exported from Ceph by a stock driver. */
  readonly rbd: boolean;
  readonly datastoreId: number;
  readonly jobId: number | undefined;
  readonly chain: readonly ChainLink[];
  /** Absolute. */
  readonly path: string;
  /** A number, or `tpm`. */
  readonly diskId: string;
}

const ADDRESS = /^(restic|rsync)(\+rbd)?:\/\/([0-9]{1,9})\/([0-9]{0,9})\/([0-9a-f:,]{1,8000})(\/.{1,4000})$/;
const LINK = /^(?:([0-9]{1,9}):)?([0-9a-f]{6,64})$/;
const FILE = /\/disk\.([0-9]{1,9}|tpm)(?:\.[A-Za-z0-9]{1,12}){0,2}$/;

/** Is it an address of a backup at all? */
export function isBackupAddress(text: string): boolean {
  return /^(?:restic|rsync)(?:\+[a-z]+)?:\/\//i.test(text);
}

/** Throws bad_argument in one line. */
export function parseBackupAddress(text: string): BackupAddress {
  const [, protocol, rbd, datastore = '', job = '', links = '', path = ''] = ADDRESS.exec(text) ?? [];
  const diskId = FILE.exec(path)?.[1];
  const chain = links.split(',').map((link, index) => {
    const [, id = String(index), backupId] = LINK.exec(link) ?? [];
    return backupId === undefined ? undefined : { id: Number(id), backupId };
  });
  const whole = chain.filter((link) => link !== undefined);
  const ascending = whole.every((link, index) => index === 0 || link.id > (whole[index - 1]?.id ?? -1));
  if (diskId === undefined || whole.length !== chain.length || !ascending || path.split('/').includes('..')) {
    const form = '<restic|rsync>://<datastore>/[<job>]/<increment>:<backup>[,…]/<path>/disk.<id>.<increment>';
    throw new StorageError('bad_argument', `${JSON.stringify(oneLine(text).slice(0, 200))} is no disk of a backup: expected ${form}`);
  }
  return {
    protocol: protocol === 'rsync' ? 'rsync' : 'restic',
    rbd: rbd !== undefined,
    datastoreId: Number(datastore),
    jobId: job === '' ? undefined : Number(job),
    chain: whole,
    path,
    diskId,
  };
}

/** What all files of one increment of a backup begin with; the path follows at once. */
export function addressHead({ protocol, rbd, datastoreId, jobId, chain }: Omit<BackupAddress, 'path' | 'diskId'>): string {
  const links = chain.map(({ id, backupId }) => `${id}:${backupId}`).join(',');
  return `${protocol}${rbd ? '+rbd' : ''}://${datastoreId}/${jobId ?? ''}/${links}`;
}

/**
 * The repository of a backup below its datastore: of a job's backups with restic `job_12`, else the id of the VM. An address does not say the VM; it
 * stands in the path: `…/7/backup/disk.0.0` of restic, `…/7/0f56ed/disk.0.0` of rsync.
 */
export function directoryOf({ protocol, jobId, path }: Pick<BackupAddress, 'protocol' | 'jobId' | 'path'>): string {
  if (protocol === 'restic' && jobId !== undefined) return `job_${jobId}`;
  const vmId = (protocol === 'restic' ? /\/([0-9]{1,9})\/+backup\/[^/]+$/ : /\/([0-9]{1,9})\/+[0-9a-f]+\/[^/]+$/).exec(path)?.[1];
  if (vmId === undefined) throw new StorageError('bad_argument', `the path ${oneLine(path)} does not say of which VM the backup is`);
  return vmId;
}
