import { statfs } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import { formatBytes } from '../../../runtime/units.ts';
import { dump, type ResticAccess, restic } from '../../tools/restic.ts';
import { toolContext } from '../../tools/run.ts';
import { compareSizes } from './facts.ts';
import { remembered } from './remembered.ts';
import { remoteUsage } from './remote-usage.ts';
import type { Repository, RepositoryContext, Upload } from './repository.ts';
import { readBackup } from './restic-backup.ts';
import { readLocks, whenUnlocked } from './restic-locks.ts';
import { readSnapshots, readTree, snapshotFiles, tagsOf } from './restic-snapshots.ts';

export interface ResticOptions {
  readonly access: ResticAccess;
  /** A directory, here or on the server behind sftp, whose file system can be asked for its size; undefined: nowhere. */
  readonly measured: string | undefined;
  readonly pruneMaxRepack: string;
  readonly pruneMaxUnused: string;
}

/** A restic repository, in the layout of the stock driver: the staged files by their absolute paths, tagged `one-<vm>`. */
export function resticRepository(options: ResticOptions): Repository {
  const { access } = options;
  const snapshots = remembered((context: RepositoryContext) => readSnapshots(access, context));
  const ofOperation = async (operationId: string, context: RepositoryContext): Promise<string | undefined> =>
    (await snapshots.get(context)).find(({ marks }) => marks.operationId === operationId)?.backup.backupId;
  const exists = async (context: RepositoryContext): Promise<boolean> => {
    try {
      await restic(access, ['cat', 'config', '--no-lock'], context);
      return true;
    } catch (thrown) {
      const error = asStorageError(thrown);
      if (error.reason === 'not_found') return false;
      throw error;
    }
  };
  const usage: Repository['usage'] = (context) => measure(options, context);
  return {
    label: access.label,
    retries: access.connection !== undefined,
    exists,
    usage,
    async prepare(sizeBytes, context) {
      const free = (await usage(context))?.free;
      // What is in the repository already is not stored twice, so what is missing for the whole may be enough.
      if (free !== undefined && free < sizeBytes) {
        context.log(
          'warn',
          `repository ${access.label} has ${formatBytes(free)} free, the backup is ${formatBytes(sizeBytes)} before deduplication`,
        );
      }
    },
    async locks(context) {
      return await readLocks(access, context);
    },
    async unlock(context) {
      await restic(access, ['unlock'], context);
    },
    catalog: async (context) => (await snapshots.get(context)).map(({ backup }) => backup),
    async files(backupId, context) {
      const snapshot = (await snapshots.get(context)).find(({ backup }) => backup.backupId === backupId);
      if (snapshot === undefined) throw new StorageError('not_found', `there is no backup ${backupId} at ${access.label}`);
      return await snapshotFiles(access, snapshot, context);
    },
    read: (backupId, file, context) => dump(access, backupId, file.path, context),
    async put(upload, context) {
      const stored = upload.again ? await ofOperation(upload.operationId, context) : undefined;
      snapshots.forget();
      if (stored === undefined) return await whenUnlocked(access, context, () => storeOrInitialise(access, upload, context));
      const found = await readTree(access, stored, context);
      compareSizes(upload.files, new Map(found.map(({ name, sizeBytes }) => [name, sizeBytes])), access.label);
      return stored;
    },
    async takeBack(operationId, context) {
      snapshots.forget();
      const stored = await ofOperation(operationId, context);
      if ((await snapshots.get(context)).length > 0) await restic(access, ['unlock'], context);
      if (stored !== undefined) await whenUnlocked(access, context, () => restic(access, ['forget', '--', stored], context));
      snapshots.forget();
    },
    async remove(backupIds, context) {
      const limits = [`--max-unused=${options.pruneMaxUnused === '' ? '0' : options.pruneMaxUnused}`];
      if (options.pruneMaxRepack !== '') limits.push(`--max-repack-size=${options.pruneMaxRepack}`);
      await whenUnlocked(access, context, () => restic(access, ['forget', '--prune', ...limits, '--', ...backupIds], context));
      snapshots.forget();
    },
  };
}

async function initialise(access: ResticAccess, context: RepositoryContext): Promise<void> {
  try {
    await restic(access, ['init'], context);
  } catch (thrown) {
    // Another host was faster.
    const error = asStorageError(thrown);
    if (!/config file already exists|already initialized/iu.test(error.detail ?? '')) throw error;
  }
}

/** The first backup of a VM, or of a job, makes the repository. */
async function storeOrInitialise(access: ResticAccess, upload: Upload, context: RepositoryContext): Promise<string> {
  try {
    return await store(access, upload, context);
  } catch (thrown) {
    if (asStorageError(thrown).reason !== 'not_found') throw thrown;
    await initialise(access, context);
    return await store(access, upload, context);
  }
}

/** --force: files are always read, whatever an earlier snapshot says of their times. */
async function store(access: ResticAccess, upload: Upload, context: RepositoryContext): Promise<string> {
  const tags = tagsOf(upload);
  const compression = access.compression === 'auto' ? [] : [`--compression=${access.compression}`];
  const words = ['backup', '--json', '--force', ...compression, ...tags.flatMap((tag) => ['--tag', tag]), '--'];
  const paths = upload.files.map(({ name }) => path.join(upload.directory, name));
  return await readBackup(
    (onLine) => restic(access, [...words, ...paths], { ...toolContext(context), onLine, okCodes: [0, 3] }),
    upload.files,
    access.label,
    context,
  );
}

async function measure({ measured, access }: ResticOptions, context: RepositoryContext): ReturnType<Repository['usage']> {
  if (measured === undefined) return undefined;
  const { connection } = access;
  if (connection !== undefined) return await connection.use(context, (target) => remoteUsage(target, measured, context));
  try {
    const { blocks, bavail, bfree, bsize } = await statfs(measured);
    return { total: blocks * bsize, used: (blocks - bfree) * bsize, free: bavail * bsize };
  } catch (thrown) {
    throw asStorageError(thrown, `usage of ${measured}`);
  }
}
