import path from 'node:path';
import { StorageError } from '../../../runtime/errors.ts';
import { toolContext } from '../../tools/run.ts';
import { runOverSsh, type SshTarget } from '../../tools/ssh.ts';
import type { Manifest } from './manifest.ts';
import type { Backup, RepositoryContext, StoredFile, Upload } from './repository.ts';

/** Empty files in a backup's directory that say what its name does not: what was merged into it, in order, and which operation stored it. */
const MERGED = '.merged-';
const OPERATION = '.operation-';

export interface Listed extends StoredFile {
  readonly backupId: string;
  /** Whole seconds since the epoch. */
  readonly modified: number;
}

export function marksOf({ operationId, merged }: Upload): readonly string[] {
  return [`${OPERATION}${operationId}`, ...merged.map((id, index) => `${MERGED}${index}-${id}`)];
}

/** The backup that an operation has stored. */
export function storedBy(files: readonly Listed[], operationId: string): string | undefined {
  return files.find(({ name }) => name === `${OPERATION}${operationId}`)?.backupId;
}

/** All files of all backups below `root`, one call. Not there: none. */
export async function listFiles(target: SshTarget, root: string, context: RepositoryContext): Promise<readonly Listed[]> {
  const words = ['find', root, '-mindepth', '2', '-maxdepth', '2', '-type', 'f', '-printf', '%P\\t%s\\t%T@\\n'] as const;
  const { code, stdout, stderr } = await runOverSsh(target, [words], { ...toolContext(context), okCodes: [0, 1] });
  if (code === 1 && !/no such file or directory/iu.test(stderr)) {
    throw new StorageError('repository_denied', `the backups at ${target.host}:${root} cannot be listed`, { detail: stderr });
  }
  return stdout.split('\n').flatMap((line) => {
    const [, backupId, name, size, time] = /^([0-9a-f]{6})\/([^/\t]+)\t(\d+)\t(\d+)/u.exec(line) ?? [];
    if (backupId === undefined || name === undefined) return [];
    return [{ backupId, name, path: path.posix.join(root, backupId, name), sizeBytes: Number(size), modified: Number(time) }];
  });
}

export function backupsOf(files: readonly Listed[], vmId: number): readonly Backup[] {
  const byId = Map.groupBy(files, ({ backupId }) => backupId);
  const backups = [...byId].map(([backupId, all]): Backup => {
    const own = all.filter(({ name }) => !name.startsWith('.'));
    return {
      backupId,
      createdUnixMs: Math.max(0, ...own.map(({ modified }) => modified)) * 1000,
      vmId,
      files: own,
      sizeBytes: own.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      merged: mergedOf(all),
    };
  });
  return backups.sort((a, b) => a.createdUnixMs - b.createdUnixMs);
}

function mergedOf(files: readonly Listed[]): readonly string[] {
  const marks = files.map(({ name }) => /^\.merged-(\d+)-([0-9a-f]{6})$/u.exec(name)).filter((mark) => mark !== null);
  return marks.sort((a, b) => Number(a[1]) - Number(b[1])).map(([, , id = '']) => id);
}

/**
 * Files with what is known of them since the backup. A file that has another time by now was rewritten by a stock driver, which merges and rebases
 * in place: nothing is known of it.
 */
export function withFacts(files: readonly Listed[], manifest: Manifest | undefined): readonly StoredFile[] {
  return files.map(({ name, path: at, sizeBytes, modified }) => {
    const facts = manifest?.files[name];
    const plain = { name, path: at, sizeBytes };
    if (facts?.sizeBytes !== sizeBytes || facts.modified !== modified) return plain;
    const { sha256, virtualBytes } = facts;
    return { ...plain, sha256, ...(virtualBytes === undefined ? {} : { virtualBytes }) };
  });
}
