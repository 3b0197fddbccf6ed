import { randomBytes } from 'node:crypto';
import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StorageError } from '../errors.ts';

/**
 * Writes a file that must not be there yet: whole or not at all, on disk before it has its name. `already_exists` when it is there.
 * The directory is made with mode 0700.
 */
export async function writeNew(file: string, text: string, mode: number): Promise<void> {
  const temporary = await writeBeside(file, text, mode);
  try {
    // link(2) refuses an existing name; rename would replace it.
    await link(temporary, file);
  } catch (thrown) {
    if (thrown instanceof Error && Reflect.get(thrown, 'code') === 'EEXIST') {
      throw new StorageError('already_exists', `${file} is there already and is not overwritten`, { cause: thrown });
    }
    throw thrown;
  } finally {
    await rm(temporary, { force: true });
  }
  await flushDirectory(dirname(file));
}

/** Replaces a file in one step: a reader finds the old text or the new one. */
export async function replaceFile(file: string, text: string, mode: number): Promise<void> {
  const temporary = await writeBeside(file, text, mode);
  await rename(temporary, file);
  await flushDirectory(dirname(file));
}

async function writeBeside(file: string, text: string, mode: number): Promise<string> {
  const directory = dirname(file);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // Two may write the same file at once: each its own copy of it.
  const temporary = join(directory, `.onestorage.${process.pid}.${randomBytes(4).toString('hex')}.${basename(file)}`);
  const handle = await open(temporary, 'wx', mode);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return temporary;
}

async function flushDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
