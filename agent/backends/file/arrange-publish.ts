import { lstat, mkdir, readdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError } from '../../../runtime/errors.ts';
import { failpoint } from '../../../runtime/failpoint.ts';
import { type Arranged, exists, type Stage } from './arrange.ts';
import { flush, flushDirectory } from './stage.ts';

/** Makes all below a directory durable, contents first. */
export async function flushTree(directory: string): Promise<void> {
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
 */
export async function publishAll(stage: Stage, directory: string, { present, absent }: Arranged): Promise<void> {
  // The stage is removed last: without it everything is published.
  if (!(await exists(stage.root))) return;
  try {
    await mkdir(stage.old, { recursive: true });
    for (const name of absent) await putAside(stage, directory, name);
    for (const name of present) {
      const ready = path.join(stage.ready, name);
      if (!(await exists(ready))) continue;
      await putAside(stage, directory, name);
      await failpoint('publish.aside');
      await rename(ready, path.join(directory, name));
      await failpoint('publish.renamed');
    }
    await flushDirectory(directory);
  } catch (thrown) {
    throw asStorageError(thrown, 'publish');
  }
}

async function putAside(stage: Stage, directory: string, name: string): Promise<void> {
  const at = path.join(directory, name);
  const found = await lstat(at).catch(() => undefined);
  // A rename replaces a file or link at once, without a moment when the name is missing; a directory cannot be replaced so.
  if (found === undefined || (!found.isDirectory() && (await exists(path.join(stage.ready, name))))) return;
  await rename(at, path.join(stage.old, name));
  await flushDirectory(stage.old);
}
