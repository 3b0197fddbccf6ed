import { createHash } from 'node:crypto';
import path from 'node:path';
import { StorageError } from '../../../runtime/errors.ts';
import { formatBytes } from '../../../runtime/units.ts';
import { limitRate } from '../../origin/limit.ts';
import { checkRsyncWords, sendFiles } from '../../tools/rsync.ts';
import { toolContext } from '../../tools/run.ts';
import { readOverSsh, runOverSsh, type SshTarget, type Words } from '../../tools/ssh.ts';
import { sshConnection } from '../../tools/ssh-connection.ts';
import { compareSizes } from './facts.ts';
import { remembered } from './remembered.ts';
import { remoteUsage } from './remote-usage.ts';
import type { Repository, RepositoryContext } from './repository.ts';
import {
  backupsOf,
  filesOf,
  type Listed,
  listCommand,
  listFiles,
  markFiles,
  readListing,
  readSizes,
  sizesCommand,
  storedBy,
} from './rsync-listing.ts';

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

/** Directories on a backup server, as the stock driver lays them out: `<base>/<vm>/<6 hex digits>/`. One is complete when it has its name. */
export function rsyncRepository(options: RsyncRepositoryOptions): Repository {
  const { target: server, base, directory, bytesPerSecond } = options;
  const root = path.posix.join(base, directory);
  const words = checkRsyncWords(options.words);
  const stageOf = (operationId: string): string => path.posix.join(root, `${STAGE}${operationId}`);
  const { use, read } = sshConnection(server);
  const listing = remembered((context: RepositoryContext) => use(context, (target) => listFiles(target, root, context)));

  const readFile = (file: string, context: RepositoryContext): AsyncIterable<Buffer> =>
    read(context, (target) => readOverSsh(target, file, toolContext(context)));

  const label = `${server.user}@${server.host}:${root}`;

  return {
    label,
    retries: true,
    catalog: async (context) => backupsOf(await listing.get(context), Number(directory)),
    locks: async () => [],
    unlock: async () => undefined,
    usage: (context) => use(context, (target) => remoteUsage(target, base, context)),
    async exists(context) {
      const looking = { ...toolContext(context), okCodes: [0, 1] };
      const { code } = await use(context, (target) => runOverSsh(target, [['test', '-d', root]], looking));
      return code === 0;
    },
    async prepare(sizeBytes, context) {
      const { free } = await use(context, (target) => remoteUsage(target, base, context));
      if (free < sizeBytes) {
        throw new StorageError(
          'no_space',
          `no space left on ${server.host}:${base} (needs ${formatBytes(sizeBytes)}, has ${formatBytes(free)})`,
        );
      }
    },
    async files(backupId, context) {
      const found = (await listing.get(context)).filter((file) => file.backupId === backupId);
      if (found.length === 0) throw new StorageError('not_found', `there is no backup ${backupId} at ${server.host}:${root}`);
      return filesOf(found);
    },
    read: (_backupId, file, context) => limitRate(readFile(file.path, context), bytesPerSecond, context.signal),
    async put(upload, context) {
      listing.forget();
      const stored = upload.again ? storedBy(await listing.get(context), upload.operationId) : undefined;
      if (stored !== undefined) {
        const there = (await listing.get(context)).filter(({ backupId }) => backupId === stored);
        compareSizes(upload.files, new Map(there.map(({ name, sizeBytes }) => [name, sizeBytes])), label);
        return stored;
      }
      const { files, directory: from } = upload;
      const stage = stageOf(upload.operationId);
      const known = await use(context, (target) => makeStage(target, stage, root, context));
      const totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      const onProgress = (doneBytes: number): void => context.report({ step: 'upload', doneBytes, totalBytes });
      const sending = { words, bytesPerSecond, onProgress };
      const names = files.map(({ name }) => name);
      await use(context, (target) => sendFiles(from, names, { target, directory: stage }, sending, toolContext(context)));
      context.count?.({ movedBytes: totalBytes });
      const backupId = newId(upload.operationId, known);
      const sizes = await use(context, (target) => publish(target, stage, path.posix.join(root, backupId), markFiles(upload), context));
      listing.forget();
      compareSizes(files, sizes, label);
      return backupId;
    },
    async takeBack(operationId, context) {
      await use(context, (target) => runOverSsh(target, [['rm', '-rf', '--', stageOf(operationId)]], toolContext(context)));
      listing.forget();
      const stored = storedBy(await listing.get(context), operationId);
      if (stored !== undefined) await use(context, (target) => removeAll(target, root, [stored], context));
      listing.forget();
    },
    async remove(backupIds, context) {
      listing.forget();
      const there = new Set((await listing.get(context)).map(({ backupId }) => backupId));
      const ids = backupIds.filter((id) => there.has(id));
      await use(context, (target) => removeAll(target, root, ids, context));
      listing.forget();
    },
  };
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

/** Makes a backup's temporary directory, without what an rsync that was killed left half written in it. Gives what lies beside it. */
async function makeStage(target: SshTarget, stage: string, root: string, context: RepositoryContext): Promise<readonly Listed[]> {
  const commands = [['mkdir', '-p', '--', stage], ['find', stage, '-mindepth', '1', '-name', '.*', '-delete'], listCommand(root)] as const;
  return readListing((await runOverSsh(target, commands, toolContext(context))).stdout, root);
}

/** Gives the sizes of what was published. */
async function publish(
  target: SshTarget,
  stage: string,
  into: string,
  marks: readonly string[],
  context: RepositoryContext,
): Promise<ReadonlyMap<string, number>> {
  const commands = [
    ['touch', '--', ...marks.map((mark) => path.posix.join(stage, mark))],
    ['sync', '-f', stage],
    sizesCommand(stage),
    ['mv', '-T', '--', stage, into],
    ['sync', '-f', path.posix.dirname(into)],
  ] as const;
  return readSizes((await runOverSsh(target, commands, toolContext(context))).stdout);
}

/** A backup is gone with one rename; what a crash leaves of it has a temporary name. */
async function removeAll(target: SshTarget, root: string, backupIds: readonly string[], context: RepositoryContext): Promise<void> {
  const [first, ...others] = backupIds.flatMap((id): readonly Words[] => {
    const gone = path.posix.join(root, `${STAGE}removed.${id}`);
    return [
      ['rm', '-rf', '--', gone],
      ['mv', '-T', '--', path.posix.join(root, id), gone],
      ['rm', '-rf', '--', gone],
    ];
  });
  if (first !== undefined) await runOverSsh(target, [first, ...others], toolContext(context));
}
