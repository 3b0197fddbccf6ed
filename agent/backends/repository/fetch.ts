import { createHash } from 'node:crypto';
import { lstat, rm } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import { Meter } from '../../origin/meter.ts';
import { writeSparse } from '../../origin/sparse-file.ts';
import type { Repository, RepositoryContext, StoredFile } from './repository.ts';

/** A file of a backup. JSON: stands in journals. */
export interface Wanted {
  readonly backupId: string;
  readonly file: StoredFile;
}

/** Brings one file here, with holes where it is zero; flushed and compared when it returns. What an earlier attempt left is replaced. */
export async function fetchFile(repository: Repository, wanted: Wanted, target: string, context: RepositoryContext): Promise<void> {
  await rm(target, { force: true });
  const { sizeBytes } = await writeSparse(target, contentOf(repository, wanted, context), { preallocate: false, mode: 0o600 });
  context.count?.({ skippedBytes: sizeBytes - (await allocated(target)) });
}

/** Reads a file to its end and compares it. Errors: bad_checksum, repository_damaged. */
export async function readThrough(repository: Repository, wanted: Wanted, context: RepositoryContext): Promise<void> {
  for await (const _ of contentOf(repository, wanted, context));
}

/** A file of a backup as it comes. Nothing of it counts before its end: only there it throws bad_checksum. */
export async function* contentOf(repository: Repository, wanted: Wanted, context: RepositoryContext): AsyncGenerator<Buffer> {
  const { backupId, file } = wanted;
  const hash = createHash('sha256');
  const meter = new Meter(`read ${file.name}`, file.sizeBytes, {
    report: (progress) => context.report(progress),
    count: (figures) => context.count?.(figures),
  });
  for await (const chunk of repository.read(backupId, file, context)) {
    hash.update(chunk);
    meter.add(chunk.length);
    yield chunk;
  }
  meter.finish();
  const what = labelOf(repository, wanted);
  if (meter.done !== file.sizeBytes) {
    throw new StorageError('bad_checksum', `${what} has ${meter.done} bytes, not the ${file.sizeBytes} it had`);
  }
  if (file.sha256 === undefined) return;
  if (hash.digest('hex') !== file.sha256) throw new StorageError('bad_checksum', `${what} is not what was stored: its checksum differs`);
  context.count?.({ verifiedBytes: meter.done });
}

/** For messages. */
export function labelOf({ label }: Repository, { backupId, file }: Wanted): string {
  return `${file.name} of backup ${backupId} at ${label}`;
}

async function allocated(file: string): Promise<number> {
  try {
    const { blocks, size } = await lstat(file);
    return Math.min(blocks * 512, size);
  } catch (thrown) {
    throw asStorageError(thrown, path.basename(file));
  }
}
