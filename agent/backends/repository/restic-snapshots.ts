import path from 'node:path';
import { z } from 'zod';
import { asStorageError } from '../../../runtime/errors.ts';
import { dump, parseLines, type ResticAccess, restic } from '../../tools/restic.ts';
import { MANIFEST, parseManifest, readSmall } from './manifest.ts';
import type { Backup, RepositoryContext, StoredFile, Upload } from './repository.ts';

/** Tags: the stock driver's own, which operation stored it, and what was merged into it. */
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
});

export interface Snapshot {
  readonly backup: Backup;
  /** Who stored it; undefined: a stock driver did. */
  readonly operationId: string | undefined;
}

export function tagsOf({ vmId, operationId, merged }: Upload): readonly string[] {
  return [`one-${vmId}`, `${OPERATION}${operationId}`, ...merged.map((id) => `${MERGED}${id}`)];
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
 * Files of a snapshot with their checksums. One of ours lists them itself; it is ours by the tag of an operation, which the stock driver does not
 * carry along when it merges: the list it does carry along is of other files by then. Of a stock one the tree is read.
 */
export async function snapshotFiles(
  access: ResticAccess,
  { backup, operationId }: Snapshot,
  context: RepositoryContext,
): Promise<readonly StoredFile[]> {
  const own = operationId === undefined ? undefined : await ownFiles(access, backup, context);
  if (own !== undefined) return own;
  const { stdout } = await restic(access, ['ls', '--json', '--no-lock', '--', backup.backupId], context);
  return parseLines(stdout)
    .map((node) => nodeSchema.parse(node))
    .filter(({ struct_type, type, name }) => struct_type === 'node' && type === 'file' && name !== MANIFEST)
    .map(({ name, path: at, size }) => ({ name, path: at, sizeBytes: size }));
}

async function ownFiles(
  access: ResticAccess,
  { backupId, files }: Backup,
  context: RepositoryContext,
): Promise<readonly StoredFile[] | undefined> {
  const list = files.find(({ name }) => name === MANIFEST);
  if (list === undefined) return undefined;
  const manifest = parseManifest(await readSmall(dump(access, backupId, list.path, context), MANIFEST));
  if (manifest === undefined) context.log('warn', `${MANIFEST} of backup ${backupId} cannot be read: its checksums are not known`);
  if (manifest === undefined) return undefined;
  return files.flatMap(({ name, path: at }) => {
    const { modified: _, ...facts } = manifest.files[name] ?? { modified: 0, sizeBytes: -1 };
    return facts.sizeBytes < 0 ? [] : [{ name, path: at, ...facts }];
  });
}

function snapshotOf({ id, time, paths, tags }: z.infer<typeof snapshotSchema>): Snapshot {
  const words = tags ?? [];
  const vm = words.map((tag) => /^one-(\d+)$/u.exec(tag)?.[1]).find((found) => found !== undefined);
  const backup = {
    backupId: id.slice(0, 8),
    createdUnixMs: Date.parse(time),
    vmId: vm === undefined ? undefined : Number(vm),
    files: paths.map((file) => ({ name: path.posix.basename(file), path: file })),
    sizeBytes: 0,
    merged: words.filter((tag) => tag.startsWith(MERGED)).map((tag) => tag.slice(MERGED.length)),
  };
  return { backup, operationId: words.find((tag) => tag.startsWith(OPERATION))?.slice(OPERATION.length) };
}
