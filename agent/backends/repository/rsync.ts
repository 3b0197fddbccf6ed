import { createHash } from 'node:crypto';
import path from 'node:path';
import { StorageError } from '../../../runtime/errors.ts';
import { formatBytes } from '../../../runtime/units.ts';
import { limitRate } from '../../origin/limit.ts';
import { checkRsyncWords, sendFiles } from '../../tools/rsync.ts';
import { readOverSsh, runOverSsh, type SshTarget } from '../../tools/ssh.ts';
import { remoteUsage } from './remote-usage.ts';
import type { Backup, Repository, RepositoryContext, StoredFile, Upload } from './repository.ts';

/** Empty files in a backup's directory that say what its name does not. */
const MERGED = '.merged-';
const OPERATION = '.operation-';
const STAGE = '.onestorage.';
const ID_DIGITS = 6;

export interface RsyncRepositoryOptions {
  readonly target: SshTarget;
  /** Of the datastore. */
  readonly base: string;
  /** Of the VM: "7". */
  readonly directory: string;
  readonly words: readonly string[];
  /** 0: no limit. */
  readonly bytesPerSecond: number;
}

interface Listed extends StoredFile {
  readonly backupId: string;
}

/** Directories on a backup server, as the stock driver lays them out: `<base>/<vm>/<6 hex digits>/`. One is complete when it has its name. */
export function rsyncRepository(options: RsyncRepositoryOptions): Repository {
  const { target, base, directory, bytesPerSecond } = options;
  const root = path.posix.join(base, directory);
  const words = checkRsyncWords(options.words);
  const stageOf = (operationId: string): string => path.posix.join(root, `${STAGE}${operationId}`);
  const catalog = async (context: RepositoryContext): Promise<readonly Backup[]> =>
    backupsOf(await list(target, root, context), Number(directory));

  return {
    label: `${target.user}@${target.host}:${root}`,
    catalog,
    locks: async () => [],
    unlock: async () => undefined,
    usage: (context) => remoteUsage(target, base, context),
    async exists(context) {
      const { code } = await runOverSsh(target, ['test', '-d', root], { ...pick(context), okCodes: [0, 1] });
      return code === 0;
    },
    async prepare({ sizeBytes, operationId }, context) {
      await runOverSsh(target, ['mkdir', '-p', '--', stageOf(operationId)], pick(context));
      const { free } = await remoteUsage(target, base, context);
      if (free < sizeBytes) {
        throw new StorageError(
          'no_space',
          `no space left on ${target.host}:${base} (needs ${formatBytes(sizeBytes)}, has ${formatBytes(free)})`,
        );
      }
    },
    async files(backupId, context) {
      const found = (await list(target, root, context)).filter((file) => file.backupId === backupId && !file.name.startsWith('.'));
      if (found.length === 0) throw new StorageError('not_found', `there is no backup ${backupId} at ${target.host}:${root}`);
      return found;
    },
    read: (_backupId, file, context) => limitRate(readOverSsh(target, file.path, pick(context)), bytesPerSecond, context.signal),
    async put(upload, context) {
      const known = await list(target, root, context);
      const stored = known.find(({ name }) => name === `${OPERATION}${upload.operationId}`);
      if (stored !== undefined) return stored.backupId;
      const stage = stageOf(upload.operationId);
      await runOverSsh(target, ['mkdir', '-p', '--', stage], pick(context));
      await dropLeftOvers(target, stage, context);
      const onProgress = (doneBytes: number): void => context.report({ step: 'upload', doneBytes, totalBytes: upload.sizeBytes });
      await sendFiles(upload.directory, upload.names, { target, directory: stage }, { words, bytesPerSecond, onProgress }, pick(context));
      context.count?.({ movedBytes: upload.sizeBytes });
      await publish(target, root, stage, upload, newId(upload.operationId, known), context);
      return newId(upload.operationId, known);
    },
    async takeBack(operationId, context) {
      await runOverSsh(target, ['rm', '-rf', '--', stageOf(operationId)], pick(context));
      const stored = (await list(target, root, context)).find(({ name }) => name === `${OPERATION}${operationId}`);
      if (stored !== undefined) await removeAll(target, root, [stored.backupId], context);
    },
    async remove(backupIds, context) {
      const there = new Set((await list(target, root, context)).map(({ backupId }) => backupId));
      const ids = backupIds.filter((id) => there.has(id));
      await removeAll(target, root, ids, context);
    },
  };
}

function pick({ signal, count, before }: RepositoryContext): Pick<RepositoryContext, 'signal' | 'count' | 'before'> {
  return { signal, ...(count === undefined ? {} : { count: (figures) => count(figures) }), ...(before === undefined ? {} : { before }) };
}

/** Six hex digits that stand for the operation, so that the same operation finds its own; the next six when another backup has them. */
function newId(operationId: string, known: readonly Listed[]): string {
  const taken = new Set(known.map(({ backupId }) => backupId));
  const digits = createHash('sha256').update(operationId).digest('hex');
  for (let at = 0; at + ID_DIGITS <= digits.length; at += ID_DIGITS) {
    const id = digits.slice(at, at + ID_DIGITS);
    if (!taken.has(id)) return id;
  }
  throw new StorageError('internal', 'no name is left for a backup');
}

/** All files of all backups below `root`, one call. Not there: none. */
async function list(target: SshTarget, root: string, context: RepositoryContext): Promise<readonly Listed[]> {
  const words = ['find', root, '-mindepth', '2', '-maxdepth', '2', '-type', 'f', '-printf', '%P\\t%s\\t%T@\\n'] as const;
  const { code, stdout, stderr } = await runOverSsh(target, words, { ...pick(context), okCodes: [0, 1] });
  if (code === 1 && !/no such file or directory/iu.test(stderr)) {
    throw new StorageError('repository_denied', `the backups at ${target.host}:${root} cannot be listed`, { detail: stderr });
  }
  return stdout.split('\n').flatMap((line) => {
    const [, backupId, name, size, time] = /^([0-9a-f]{6})\/([^/\t]+)\t(\d+)\t(\d+)/u.exec(line) ?? [];
    if (backupId === undefined || name === undefined) return [];
    return [{ backupId, name, path: path.posix.join(root, backupId, name), sizeBytes: Number(size), modified: Number(time) }];
  });
}

function backupsOf(files: readonly Listed[], vmId: number): readonly Backup[] {
  const byId = Map.groupBy(files, ({ backupId }) => backupId);
  const backups = [...byId].map(([backupId, all]): Backup => {
    const own = all.filter(({ name }) => !name.startsWith('.'));
    return {
      backupId,
      createdUnixMs: Math.max(0, ...own.map(({ modified }) => modified)) * 1000,
      vmId,
      files: own,
      sizeBytes: own.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      merged: all.filter(({ name }) => name.startsWith(MERGED)).map(({ name }) => name.replace(/^\.merged-\d+-/u, '')),
    };
  });
  return backups.sort((a, b) => a.createdUnixMs - b.createdUnixMs);
}

/** What an rsync that was killed left half written. */
async function dropLeftOvers(target: SshTarget, stage: string, context: RepositoryContext): Promise<void> {
  await runOverSsh(target, ['find', stage, '-mindepth', '1', '-name', '.*', '-delete'], pick(context));
}

async function publish(
  target: SshTarget,
  root: string,
  stage: string,
  upload: Upload,
  backupId: string,
  context: RepositoryContext,
): Promise<void> {
  const marks = [`${OPERATION}${upload.operationId}`, ...upload.merged.map((id, index) => `${MERGED}${index}-${id}`)];
  await runOverSsh(target, ['touch', '--', ...marks.map((mark) => path.posix.join(stage, mark))], pick(context));
  await runOverSsh(target, ['sync', '-f', stage], pick(context));
  await runOverSsh(target, ['mv', '-T', '--', stage, path.posix.join(root, backupId)], pick(context));
  await runOverSsh(target, ['sync', '-f', root], pick(context));
}

/** A backup is gone with one rename; what a crash leaves of it has a temporary name. */
async function removeAll(target: SshTarget, root: string, backupIds: readonly string[], context: RepositoryContext): Promise<void> {
  for (const id of backupIds) {
    const gone = path.posix.join(root, `${STAGE}removed.${id}`);
    await runOverSsh(target, ['rm', '-rf', '--', gone], pick(context));
    await runOverSsh(target, ['mv', '-T', '--', path.posix.join(root, id), gone], pick(context));
    await runOverSsh(target, ['rm', '-rf', '--', gone], pick(context));
  }
}
