import { mkdir, rename, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { failpoint } from '../../runtime/failpoint.ts';
import type { Stage } from '../backends/file/arrange.ts';
import { exists } from '../backends/file/look.ts';
import type { Located } from '../backends/file/places.ts';
import { type FileIdentity, identify } from '../backends/file/snapshots-files.ts';
import { discard, flushDirectory, stagePath } from '../backends/file/stage.ts';

/** A VM directory that moves within one file system. */
export interface Renaming {
  readonly operationId: string;
  readonly source: Located;
  readonly target: Located;
  readonly stage: Stage;
}

/** An empty directory beside the source, to try with. */
export function probeOf(source: Located, operationId: string): string {
  return stagePath(`${source.path}.probe`, operationId);
}

/**
 * May the source be renamed to where the target is? Tried with an empty directory: two mounts of one device look like one and are not. Tells
 * what the source is, to know it again under its new name; null: no.
 */
export async function canRename({ operationId, source, stage }: Renaming): Promise<FileIdentity | null> {
  const probe = probeOf(source, operationId);
  const moved = path.join(stage.root, 'probe');
  await mkdir(probe, { recursive: true });
  try {
    await rename(probe, moved);
    return (await identify(source.path)) ?? null;
  } catch (thrown) {
    const code: unknown = thrown instanceof Error ? Reflect.get(thrown, 'code') : undefined;
    if (code !== 'EXDEV') throw asStorageError(thrown);
    return null;
  } finally {
    await discard(probe);
    await rm(moved, { recursive: true, force: true });
  }
}

/**
 * Renames the source to the target at once: its files are never under a temporary name, and none is opened, because the agent need not be able
 * to read them. What stood at the target waits in `old`. Done again after it was cut off at any point, it goes on; when it cannot, all is back
 * where it was.
 */
export async function renameDirectory(renaming: Renaming, made: FileIdentity): Promise<void> {
  const { source, target, stage } = renaming;
  const aside = path.join(stage.old, target.name);
  try {
    if (!(await isRenamed(renaming, made))) {
      await mkdir(stage.old, { recursive: true, mode: 0o700 });
      if (await exists(target.path)) {
        await rename(target.path, aside);
        await failpoint('publish.aside');
      }
      await rename(source.path, target.path);
      await failpoint('publish.renamed');
    }
    for (const directory of [target.directory, source.directory]) await flushDirectory(directory);
  } catch (thrown) {
    throw await takeBack(renaming, made, asStorageError(thrown, 'move'));
  }
}

/** What is at the target counts, not that the source has gone: somebody may have made it again since. */
async function isRenamed({ source, target }: Renaming, made: FileIdentity): Promise<boolean> {
  if (await isIt(target, made)) return true;
  if (await isIt(source, made)) return false;
  throw new StorageError('storage_failed', `the directory that was to be moved is neither ${source.path} nor ${target.path}`);
}

/** On one file system the number is enough; the device may have got another after a restart of the host. */
async function isIt(place: Located, made: FileIdentity): Promise<boolean> {
  return (await identify(place.path))?.inode === made.inode;
}

/** The error to fail with: `why`, and where the files are if they could not be brought back. */
async function takeBack(renaming: Renaming, made: FileIdentity, why: StorageError): Promise<StorageError> {
  const { source, target, stage } = renaming;
  const aside = path.join(stage.old, target.name);
  try {
    if (await isIt(target, made)) await rename(target.path, source.path);
    if ((await exists(aside)) && !(await exists(target.path))) await rename(aside, target.path);
    if (!(await isIt(source, made))) throw new StorageError('storage_failed', `${source.path} is not what was to be moved`);
  } catch (thrown) {
    const places = `${source.path}, ${target.path} or ${stage.root}`;
    const message = `${why.message}; it could not be taken back (${asStorageError(thrown).message}): the files are in ${places}`;
    return new StorageError(why.reason, message, { cause: why });
  }
  // What is left of the stage is empty, or stays.
  for (const directory of [stage.old, stage.root]) await rmdir(directory).catch(() => undefined);
  return why;
}
