import { rm } from 'node:fs/promises';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import { contentOf, labelOf, type Wanted } from './fetch.ts';
import type { DiskPlan } from './plan.ts';
import { RawImage } from './raw-image.ts';
import { type RbdEvent, readRbd, shown } from './rbd-stream.ts';
import type { Repository, RepositoryContext } from './repository.ts';

/** Names of the snapshots that backups are made of (contract 7.4). */
const SNAPSHOT = 'one_backup_';

/** The snapshot that an image is as of. JSON: stands in the journal. */
interface Point {
  readonly snapshot: string | undefined;
}

/**
 * Brings a disk that was exported from Ceph here as a raw image: each export is written into it as it is read, so nothing lies beside it. Killed at
 * any moment, the same export written again gives the same image.
 */
export async function assembleRbd(
  repository: Repository,
  { parts }: DiskPlan,
  image: string,
  prefix: string,
  step: OperationContext['step'],
  context: RepositoryContext,
): Promise<void> {
  let below: Point | undefined;
  for (const [index, part] of parts.entries()) {
    const known = below;
    below = await step(`${prefix}fetch-${index}`, async () => {
      const { snapshot, skippedBytes } = await applyPart(repository, part, image, known, context);
      if (part === parts.at(-1)) context.count?.({ skippedBytes });
      return { snapshot };
    });
  }
}

/** How large an export makes its disk; it is read to its end. Errors: repository_damaged, bad_checksum. */
export async function sizeOfExport(repository: Repository, part: Wanted, context: RepositoryContext): Promise<number> {
  let size = 0;
  for await (const event of backupIn(repository, part, context)) if (event.type === 'difference') size = event.sizeBytes;
  return size;
}

async function applyPart(
  repository: Repository,
  part: Wanted,
  file: string,
  below: Point | undefined,
  context: RepositoryContext,
): Promise<Point & { readonly skippedBytes: number }> {
  if (below === undefined) await rm(file, { force: true });
  const image = await RawImage.open(file, { fresh: below === undefined }, context);
  try {
    let reached: Point | undefined;
    for await (const event of backupIn(repository, part, context)) {
      if (event.type === 'data') await image.write(event.offset, event.data);
      else if (event.type === 'zeros') await image.zero(event.offset, event.length);
      else {
        if (reached === undefined) mustContinue(below, event.from, labelOf(repository, part));
        reached = { snapshot: event.to };
        await image.resize(event.sizeBytes);
      }
    }
    return { snapshot: reached?.snapshot, skippedBytes: await image.finish() };
  } catch (thrown) {
    throw asStorageError(thrown, 'write the image');
  } finally {
    await image.close();
  }
}

/**
 * A full export holds the snapshot that the backup is, and what was written while it was exported. That is no part of the backup, and of what became
 * of it the next increment need not tell: it is read, for the checksum, and left out.
 */
async function* backupIn(repository: Repository, part: Wanted, context: RepositoryContext): AsyncGenerator<RbdEvent> {
  let reached: string | undefined;
  let isPast = false;
  for await (const event of readRbd(contentOf(repository, part, context), labelOf(repository, part))) {
    if (event.type === 'difference') {
      isPast ||= reached?.startsWith(SNAPSHOT) === true;
      reached = event.to;
    }
    if (!isPast) yield event;
  }
}

/** The first export must stand alone, every other one goes on where the one below it ends. */
function mustContinue(below: Point | undefined, from: string | undefined, what: string): void {
  if (below === undefined ? from === undefined : from !== undefined && from === below.snapshot) return;
  const lies = below === undefined ? 'nothing lies below it' : `what lies below it ends at snapshot ${shown(below.snapshot)}`;
  throw new StorageError('broken_chain', `${what} continues snapshot ${shown(from)}, but ${lies}`);
}
