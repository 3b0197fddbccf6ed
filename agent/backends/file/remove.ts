import { readdir, rename, rm, unlink } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import { lstatOrNothing } from './look.ts';
import type { Located } from './places.ts';
import { flushDirectory, stagePath } from './stage.ts';

/** What goes with a disk or an image. */
const COMPANIONS = { disk: ['.snap'], image: ['.snap', '.md5sum'] } as const;

/**
 * Removes a disk, an image or a directory, with what belongs to it. Never follows a link and never enters another file system. It vanishes in
 * one rename; after a crash the next attempt removes the rest. Not there: success. Errors: in_use (something is mounted inside).
 */
export async function removeVolume(located: Located, kind: keyof typeof COMPANIONS, context: OperationContext): Promise<void> {
  const paths = [located.path, ...COMPANIONS[kind].map((suffix) => `${located.path}${suffix}`)];
  for (const target of paths) await refuseMounts(target);
  context.commit();
  const wasThere = await context.step('remove', async () => {
    let found = false;
    for (const target of paths) {
      const stage = stagePath(target, context.operationId);
      // What an attempt before a crash has set aside was there, too.
      found = (await lstatOrNothing(stage)) !== undefined || found;
      found = (await setAside(target, stage)) || found;
      await removeTree(stage);
    }
    return found;
  });
  context.log('info', wasThere ? `removed ${located.name}` : `${located.name} was not there`);
}

/** Renames what has the name out of the way, durably. false: nothing had it. A leftover under the new name is removed first. */
export async function setAside(target: string, stage: string): Promise<boolean> {
  const found = await lstatOrNothing(target);
  if (found === undefined) return false;
  await removeTree(stage);
  try {
    await rename(target, stage);
    await flushDirectory(path.dirname(target));
  } catch (thrown) {
    throw asStorageError(thrown, `remove ${target}`);
  }
  return true;
}

/** Removes a file, a link (not what it points at) or a directory. Not there: fine. Error: in_use, when something is mounted inside. */
export async function removeTree(target: string): Promise<void> {
  await refuseMounts(target);
  const found = await lstatOrNothing(target);
  if (found === undefined) return;
  try {
    if (found.isDirectory()) await rm(target, { recursive: true, force: true });
    else await unlink(target);
    await flushDirectory(path.dirname(target));
  } catch (thrown) {
    const error = asStorageError(thrown, 'remove');
    if (error.reason !== 'not_found') throw error;
  }
}

/** Throws in_use when the target or a directory in it is on another file system than the directory that holds it. */
async function refuseMounts(target: string): Promise<void> {
  const found = await lstatOrNothing(target);
  if (found === undefined || !found.isDirectory()) return;
  const above = await lstatOrNothing(path.dirname(target));
  await walk(target, above?.dev ?? found.dev);
}

async function walk(directory: string, device: number): Promise<void> {
  const found = await lstatOrNothing(directory);
  if (found === undefined) return;
  if (found.dev !== device) throw new StorageError('in_use', `${directory} is a mount point; unmount it first`);
  const entries = await readdir(directory, { withFileTypes: true }).catch((thrown: unknown) => {
    throw asStorageError(thrown, 'look into');
  });
  for (const entry of entries) if (entry.isDirectory()) await walk(path.join(directory, entry.name), device);
}
