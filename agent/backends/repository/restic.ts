import { statfs } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { asStorageError } from '../../../runtime/errors.ts';
import { formatBytes } from '../../../runtime/units.ts';
import { dump, parseLines, type ResticAccess, restic } from '../../tools/restic.ts';
import type { SshTarget } from '../../tools/ssh.ts';
import { remoteUsage } from './remote-usage.ts';
import type { Backup, Repository, RepositoryContext, StoredFile, Upload } from './repository.ts';
import { readBackup } from './restic-backup.ts';
import { whenUnlocked } from './restic-locks.ts';

const MERGED = 'merged-';
const OPERATION = 'onestorage-';

const snapshotSchema = z.object({
  id: z.string(),
  time: z.string(),
  paths: z.array(z.string()),
  tags: z.array(z.string()).nullish(),
});

const nodeSchema = z.object({
  struct_type: z.string(),
  name: z.string().default(''),
  type: z.string().default(''),
  path: z.string().default(''),
  size: z.number().default(0),
  mtime: z.string().default(''),
});

export interface ResticOptions {
  readonly access: ResticAccess;
  /** Where the repository's file system can be asked for its size; undefined: nowhere. */
  readonly measured: { readonly directory: string; readonly target: SshTarget | undefined } | undefined;
  readonly pruneMaxRepack: string;
  readonly pruneMaxUnused: string;
}

/** A restic repository, in the layout of the stock driver: the staged files by their absolute paths, tagged `one-<vm>`. */
export function resticRepository(options: ResticOptions): Repository {
  const { access } = options;
  const snapshots = async (context: RepositoryContext): Promise<readonly z.infer<typeof snapshotSchema>[]> => {
    const { stdout } = await restic(access, ['snapshots', '--json', '--no-lock'], context);
    return parseLines(stdout).flatMap((list) => z.array(snapshotSchema).parse(list));
  };
  const ofOperation = async (operationId: string, context: RepositoryContext): Promise<string | undefined> =>
    (await snapshots(context)).find(({ tags }) => tags?.includes(`${OPERATION}${operationId}`))?.id.slice(0, 8);
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
  const usage: Repository['usage'] = (context) => measure(options.measured, context);
  return {
    label: access.label,
    exists,
    usage,
    async prepare({ sizeBytes }, context) {
      if (!(await exists(context))) await initialise(access, context);
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
    async catalog(context) {
      if (!(await exists(context))) return [];
      return (await snapshots(context)).map(backupOf).sort((a, b) => a.createdUnixMs - b.createdUnixMs);
    },
    async files(backupId, context) {
      const { stdout } = await restic(access, ['ls', '--json', '--no-lock', '--', backupId], context);
      return parseLines(stdout)
        .map((node) => nodeSchema.parse(node))
        .filter(({ struct_type, type }) => struct_type === 'node' && type === 'file')
        .map(fileOf);
    },
    read: (backupId, file, context) => dump(access, backupId, file.path, context),
    async put(upload, context) {
      const stored = await ofOperation(upload.operationId, context);
      return stored ?? (await whenUnlocked(access, context, () => store(access, upload, context)));
    },
    async takeBack(operationId, context) {
      if (!(await exists(context))) return;
      await restic(access, ['unlock'], context);
      const stored = await ofOperation(operationId, context);
      if (stored !== undefined) await whenUnlocked(access, context, () => restic(access, ['forget', '--', stored], context));
    },
    async remove(backupIds, context) {
      const limits = [`--max-unused=${options.pruneMaxUnused === '' ? '0' : options.pruneMaxUnused}`];
      if (options.pruneMaxRepack !== '') limits.push(`--max-repack-size=${options.pruneMaxRepack}`);
      await whenUnlocked(access, context, () => restic(access, ['forget', '--prune', ...limits, '--', ...backupIds], context));
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

/** --force: files are always read, whatever an earlier snapshot says of their times. */
async function store(access: ResticAccess, upload: Upload, context: RepositoryContext): Promise<string> {
  const tags = [`one-${upload.vmId}`, `${OPERATION}${upload.operationId}`, ...upload.merged.map((id) => `${MERGED}${id}`)];
  const compression = access.compression === 'auto' ? [] : [`--compression=${access.compression}`];
  const words = ['backup', '--json', '--force', ...compression, ...tags.flatMap((tag) => ['--tag', tag]), '--'];
  const files = upload.names.map((name) => path.join(upload.directory, name));
  return await readBackup(
    (onLine) => restic(access, [...words, ...files], { ...pick(context), onLine, okCodes: [0, 3] }),
    access.label,
    context,
  );
}

function pick({ signal, count, before }: RepositoryContext): Pick<RepositoryContext, 'signal' | 'count' | 'before'> {
  return { signal, ...(count === undefined ? {} : { count }), ...(before === undefined ? {} : { before }) };
}

function backupOf({ id, time, paths, tags }: z.infer<typeof snapshotSchema>): Backup {
  const words = tags ?? [];
  const vm = words.map((tag) => /^one-(\d+)$/u.exec(tag)?.[1]).find((found) => found !== undefined);
  return {
    backupId: id.slice(0, 8),
    createdUnixMs: Date.parse(time),
    vmId: vm === undefined ? undefined : Number(vm),
    files: paths.map((file) => ({ name: path.posix.basename(file), path: file })),
    sizeBytes: 0,
    merged: words.filter((tag) => tag.startsWith(MERGED)).map((tag) => tag.slice(MERGED.length)),
  };
}

function fileOf({ name, path: at, size, mtime }: z.infer<typeof nodeSchema>): StoredFile {
  return { name, path: at, sizeBytes: size, modified: Math.floor(Date.parse(mtime) / 1000) };
}

async function readLocks(access: ResticAccess, context: RepositoryContext): Promise<readonly string[]> {
  const { stdout } = await restic(access, ['list', 'locks', '--no-lock'], context);
  const ids = stdout.split('\n').filter((line) => /^[0-9a-f]{64}$/u.test(line));
  const lockSchema = z.object({ time: z.string(), hostname: z.string(), pid: z.number() });
  const found: string[] = [];
  for (const id of ids) {
    const text = await restic(access, ['cat', 'lock', id, '--no-lock'], context).catch(() => undefined);
    if (text === undefined) continue; // Given back meanwhile.
    const { hostname, pid, time } = lockSchema.parse(JSON.parse(text.stdout));
    found.push(`${hostname} pid ${pid} since ${time}`);
  }
  return found;
}

async function measure(measured: ResticOptions['measured'], context: RepositoryContext): ReturnType<Repository['usage']> {
  if (measured === undefined) return undefined;
  if (measured.target !== undefined) return await remoteUsage(measured.target, measured.directory, context);
  try {
    const { blocks, bavail, bfree, bsize } = await statfs(measured.directory);
    return { total: blocks * bsize, used: (blocks - bfree) * bsize, free: bavail * bsize };
  } catch (thrown) {
    throw asStorageError(thrown, `usage of ${measured.directory}`);
  }
}
