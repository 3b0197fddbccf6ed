import { mkdir, readdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import { failpoint } from '../../../runtime/failpoint.ts';
import type { Arranged, Stage } from './arrange.ts';
import { exists, lstatOrNothing } from './look.ts';
import { type FileIdentity, identify } from './snapshots-files.ts';
import { flush, flushDirectory } from './stage.ts';

/** What will be published, durable, with what each name is: known again under its final name after a restart. */
export interface Ready extends Arranged {
  readonly made: Readonly<Record<string, FileIdentity>>;
}

/**
 * Makes all that is ready durable, and the names of the stage itself: from then on, also after a power cut, a stage that is missing can only
 * mean that everything was published.
 */
export async function makeReady(stage: Stage, arranged: Arranged): Promise<Ready> {
  await flushTree(stage.ready);
  await flushDirectory(stage.root);
  await flushDirectory(path.dirname(stage.root));
  const made: Record<string, FileIdentity> = {};
  for (const name of arranged.present) {
    const identity = await identify(path.join(stage.ready, name));
    if (identity === undefined) throw new StorageError('internal', `${name} is not in ${stage.ready}`);
    made[name] = identity;
  }
  return { ...arranged, made };
}

/** Makes all below a directory durable, contents first. */
async function flushTree(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const at = path.join(directory, entry.name);
    if (entry.isDirectory()) await flushTree(at);
    else if (entry.isFile()) await flush(at);
  }
  await flushDirectory(directory);
}

/**
 * Puts what is ready in its place; what stood there goes to `old`, and stays until the caller removes the stage. Only after the operation can
 * no longer be taken back: cut off at any point and done again, it goes on. Whoever looks between two renames may see the names half changed.
 * Errors: storage_failed when something is neither in the stage nor published; the stage stays.
 */
export async function publishAll(stage: Stage, directory: string, { present, absent, made }: Ready): Promise<void> {
  // In one directory the number of the inode is enough; the device may have got another after a restart of the host.
  const isPublished = async (name: string): Promise<boolean> =>
    made[name] !== undefined && (await identify(path.join(directory, name)))?.inode === made[name].inode;
  try {
    if (await exists(stage.root)) {
      await mkdir(stage.old, { recursive: true });
      for (const name of absent) await putAside(stage, directory, name);
    }
    for (const name of present) {
      if (await isPublished(name)) continue;
      const ready = path.join(stage.ready, name);
      if (!(await exists(ready))) throw lost(stage, directory, name);
      await putAside(stage, directory, name);
      await failpoint('publish.aside');
      await rename(ready, path.join(directory, name));
      await failpoint('publish.renamed');
    }
    await flushDirectory(directory);
    for (const name of present) if (!(await isPublished(name))) throw lost(stage, directory, name);
  } catch (thrown) {
    throw asStorageError(thrown, 'publish');
  }
}

function lost(stage: Stage, directory: string, name: string): StorageError {
  return new StorageError('storage_failed', `'${name}' is not what was to be published in ${directory}; look into ${stage.root}`);
}

async function putAside(stage: Stage, directory: string, name: string): Promise<void> {
  const at = path.join(directory, name);
  const found = await lstatOrNothing(at);
  // A rename replaces a file or link at once, without a moment when the name is missing; a directory cannot be replaced so.
  if (found === undefined || (!found.isDirectory() && (await exists(path.join(stage.ready, name))))) return;
  await rename(at, path.join(stage.old, name));
  await flushDirectory(stage.old);
}
