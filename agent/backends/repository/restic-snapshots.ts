import path from 'node:path';
import { z } from 'zod';
import { asStorageError } from '../../../runtime/errors.ts';
import { parseLines, type ResticAccess, restic } from '../../tools/restic.ts';
import { type Marks, marksOf, readMarks } from './marks.ts';
import type { Backup, RepositoryContext, StoredFile, Upload } from './repository.ts';

/** Before a mark; `one-<vm>` is the stock driver's own tag. */
const OURS = 'onestorage-';

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
});

export interface Snapshot {
  readonly backup: Backup;
  readonly marks: Marks;
}

export function tagsOf(upload: Upload): readonly string[] {
  return [`one-${upload.vmId}`, ...marksOf(upload).map((mark) => `${OURS}${mark}`)];
}

/** All snapshots, oldest first; none when there is no repository. */
export async function readSnapshots(access: ResticAccess, context: RepositoryContext): Promise<readonly Snapshot[]> {
  try {
    const { stdout } = await restic(access, ['snapshots', '--json', '--no-lock'], context);
    const all = parseLines(stdout).flatMap((list) => z.array(snapshotSchema).parse(list));
    return all.map(snapshotOf).sort((a, b) => a.backup.createdUnixMs - b.backup.createdUnixMs);
  } catch (thrown) {
    const error = asStorageError(thrown);
    if (error.reason === 'not_found') return [];
    throw error;
  }
}

/**
 * Files of a snapshot with their checksums. One of ours tells them by its tags, which the stock driver does not carry along when it merges; of a stock
 * one the tree is read.
 */
export async function snapshotFiles(
  access: ResticAccess,
  { backup, marks }: Snapshot,
  context: RepositoryContext,
): Promise<readonly StoredFile[]> {
  const own = backup.files.flatMap(({ name, path: at }): StoredFile[] => {
    const { modified: _, ...facts } = marks.files.get(name) ?? { modified: 0, sizeBytes: -1 };
    return facts.sizeBytes < 0 ? [] : [{ ...facts, name, path: at }];
  });
  return own.length === backup.files.length ? own : await readTree(access, backup.backupId, context);
}

/** What a snapshot holds, whatever was said of it. */
export async function readTree(access: ResticAccess, backupId: string, context: RepositoryContext): Promise<readonly StoredFile[]> {
  const { stdout } = await restic(access, ['ls', '--json', '--no-lock', '--', backupId], context);
  return parseLines(stdout)
    .map((node) => nodeSchema.parse(node))
    .filter(({ struct_type, type }) => struct_type === 'node' && type === 'file')
    .map(({ name, path: at, size }) => ({ name, path: at, sizeBytes: size }));
}

function snapshotOf({ id, time, paths, tags }: z.infer<typeof snapshotSchema>): Snapshot {
  const words = tags ?? [];
  const vm = words.map((tag) => /^one-(\d+)$/u.exec(tag)?.[1]).find((found) => found !== undefined);
  const marks = readMarks(words.filter((tag) => tag.startsWith(OURS)).map((tag) => tag.slice(OURS.length)));
  const files = paths.map((file) => ({ name: path.posix.basename(file), path: file }));
  const backup = {
    backupId: id.slice(0, 8),
    createdUnixMs: Date.parse(time),
    vmId: vm === undefined ? undefined : Number(vm),
    files,
    sizeBytes: files.reduce((sum, { name }) => sum + (marks.files.get(name)?.sizeBytes ?? 0), 0),
    merged: marks.merged,
  };
  return { backup, marks };
}
