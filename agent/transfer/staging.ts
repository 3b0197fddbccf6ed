import { chmod, lstat, mkdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError } from '../../runtime/errors.ts';
import type { Entry } from './entries.ts';

/** Directories and links of a manifest below `root`; what an earlier attempt made is fine. Directories stay writable until `settle`. */
export async function makeSkeleton(root: string, entries: readonly Entry[]): Promise<void> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  for (const { path: name, type, link } of entries) {
    const at = path.join(root, name);
    if (type === 'directory') await mkdir(at, { recursive: true, mode: 0o700 });
    if (type !== 'link') continue;
    await rm(at, { force: true });
    await symlink(link, at);
  }
}

/** A small file, durable when this returns. */
export async function writeSmall(root: string, entry: Entry, content: Buffer): Promise<void> {
  const at = path.join(root, entry.path);
  await rm(at, { force: true });
  await writeFile(at, content, { mode: 0o600, flag: 'wx', flush: true });
}

/** Modes, and in a directory the times, as they were. Deepest first: a directory may lose its write bit. */
export async function settle(root: string, entries: readonly Entry[], options: { readonly times: boolean }): Promise<void> {
  for (const { path: name, type, mode, modified } of entries.toReversed()) {
    if (type === 'link') continue;
    const at = path.join(root, name);
    // The owner can always read it and go in: the agent has to publish it, and to remove it one day.
    await chmod(at, mode | (type === 'directory' ? 0o700 : 0o400));
    if (options.times && modified > 0) await utimes(at, modified / 1000, modified / 1000);
  }
}

/** Allocated bytes of a file. */
export async function allocatedBytes(file: string): Promise<number> {
  try {
    const { blocks, size } = await lstat(file);
    return Math.min(blocks * 512, size);
  } catch (thrown) {
    throw asStorageError(thrown);
  }
}
