import { randomBytes } from 'node:crypto';
import { chown, lstat, mkdir, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { Owner } from './places.ts';

/** A text file as it is. `latin1`: every byte is a character, so what is not touched stays what it is, whatever encoding it has. */
export interface TextFile {
  /** Links followed: a link stays a link. */
  readonly path: string;
  readonly text: string;
  readonly mode: number;
  readonly owner: Owner;
}

/** undefined: there is none. Throws conflict for what is no file. */
export async function readText(path: string): Promise<TextFile | undefined> {
  try {
    const real = await realpath(path);
    const found = await stat(real);
    const { mode, uid, gid } = found;
    if (!found.isFile()) throw new StorageError('conflict', `${path} is not a file`);
    return { path: real, text: await readFile(real, 'latin1'), mode: mode & 0o7777, owner: { uid, gid } };
  } catch (thrown) {
    const error = asStorageError(thrown);
    if (error.reason === 'not_found') return undefined;
    throw error;
  }
}

/** A file of OpenNebula. Throws not_found. */
export async function readRequired(path: string): Promise<TextFile> {
  const found = await readText(path);
  if (found === undefined) throw new StorageError('not_found', `${path} is not there: run this on the front-end of OpenNebula`);
  return found;
}

/** Puts a file in place in one step: whoever reads it finds the old text or the new one. Mode and owner as given. */
export async function putText({ path, text, mode, owner }: TextFile): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.onestorage.${randomBytes(6).toString('hex')}`);
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(text, 'latin1');
      if (process.getuid?.() === 0) await handle.chown(owner.uid, owner.gid);
      await handle.chmod(mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw asStorageError(thrown, `cannot write ${path}`);
  }
  await flush(dirname(path));
}

export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true });
  await flush(dirname(path));
}

async function flush(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Only root gives files away; anybody else is their owner already. */
export async function giveTo(owner: Owner, ...paths: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0) return;
  for (const path of paths) await chown(path, owner.uid, owner.gid);
}

/** Makes a directory that is not there; one that is stays as it is. */
export async function ensureDirectory(path: string, mode: number, owner: Owner): Promise<void> {
  if ((await mkdir(path, { recursive: true, mode })) !== undefined) await giveTo(owner, path);
}

export async function isThere(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}
