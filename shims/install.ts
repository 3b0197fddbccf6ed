import { randomBytes } from 'node:crypto';
import { lstat, mkdir, open, readdir, readFile, readlink, rename, rmdir, stat, symlink, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { asStorageError, StorageError } from '../runtime/errors.ts';
import { DRIVER_NAMES, type DriverName, directoryOf, linkNames } from './farm.ts';

/** Not below tm/ or datastore/: what is there counts as a driver. Relative, so that a copy of the whole tree on a host still works. */
export const SHIM = 'onestorage/shim.sh';
export const LINK_TEXT = `../../${SHIM}`;
const MARK = '#!/bin/sh\n# onestorage shim\n';

export interface InstalledFile {
  /** Below the remotes directory. */
  readonly path: string;
  readonly change: 'made' | 'kept' | 'removed';
}

type Found = 'absent' | 'ours' | 'foreign';

function missing(thrown: unknown): boolean {
  return thrown instanceof Error && Reflect.get(thrown, 'code') === 'ENOENT';
}

/** A link of ours, or a copy of the shim that a copying program made of such a link. */
async function whoseFile(path: string): Promise<Found> {
  try {
    const found = await lstat(path);
    if (found.isSymbolicLink()) return (await readlink(path)) === LINK_TEXT ? 'ours' : 'foreign';
    return found.isFile() && (await readFile(path, 'latin1')).startsWith(MARK) ? 'ours' : 'foreign';
  } catch (thrown) {
    if (missing(thrown)) return 'absent';
    throw thrown;
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    const found = await lstat(path);
    if (found.isDirectory()) return true;
    throw new StorageError('already_exists', `${path} is there already and is not a directory; nothing was changed`);
  } catch (thrown) {
    if (missing(thrown)) return false;
    throw thrown;
  }
}

async function flushDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function temporary(directory: string): string {
  return join(directory, `.onestorage.${randomBytes(6).toString('hex')}`);
}

/** Puts what `make` creates under a temporary name in the place of `path`, in one step. */
async function replace(path: string, make: (temporaryPath: string) => Promise<void>): Promise<void> {
  const name = temporary(dirname(path));
  try {
    await make(name);
    await rename(name, path);
  } catch (thrown) {
    await unlink(name).catch(() => undefined);
    throw thrown;
  }
}

async function placeShim(path: string, program: string): Promise<'made' | 'kept'> {
  const current = await readFile(path, 'utf8').catch(() => undefined);
  if (current === program && ((await stat(path)).mode & 0o777) === 0o755) return 'kept';
  await replace(path, async (name) => {
    const handle = await open(name, 'wx', 0o755);
    try {
      await handle.writeFile(program);
      await handle.chmod(0o755);
      await handle.sync();
    } finally {
      await handle.close();
    }
  });
  return 'made';
}

/** Refuses before anything is changed when a name is taken by what is not ours. */
async function refuseForeign(root: string, drivers: readonly DriverName[]): Promise<void> {
  if (!(await stat(root)).isDirectory()) throw new StorageError('bad_argument', `${root} is not a directory`);
  await isDirectory(join(root, dirname(SHIM)));
  const wanted = [SHIM];
  for (const driver of drivers) {
    const directory = directoryOf(driver);
    if (await isDirectory(join(root, directory))) wanted.push(...linkNames(driver).map((name) => join(directory, name)));
  }
  for (const path of wanted) {
    if ((await whoseFile(join(root, path))) === 'foreign') {
      throw new StorageError('already_exists', `${join(root, path)} is there already and was not made by onestorage; nothing was changed`);
    }
  }
}

/** Links of ours in the driver's directory that are not in `keep`. */
async function dropLinks(root: string, directory: string, keep: ReadonlySet<string>): Promise<InstalledFile[]> {
  const files: InstalledFile[] = [];
  const names = await readdir(join(root, directory)).catch((thrown: unknown) => {
    if (missing(thrown)) return [];
    throw thrown;
  });
  for (const name of names.sort()) {
    const path = join(directory, name);
    if (keep.has(name) || (await whoseFile(join(root, path))) !== 'ours') continue;
    await unlink(join(root, path));
    files.push({ path, change: 'removed' });
  }
  return files;
}

async function installDriver(root: string, driver: DriverName): Promise<InstalledFile[]> {
  const directory = directoryOf(driver);
  await mkdir(join(root, directory), { recursive: true, mode: 0o755 });
  const names = linkNames(driver);
  const files: InstalledFile[] = [];
  for (const name of names) {
    const path = join(directory, name);
    const found = await readlink(join(root, path)).catch(() => undefined);
    if (found !== LINK_TEXT) await replace(join(root, path), (temporaryPath) => symlink(LINK_TEXT, temporaryPath));
    files.push({ path, change: found === LINK_TEXT ? 'kept' : 'made' });
  }
  files.push(...(await dropLinks(root, directory, new Set(names))));
  await flushDirectory(join(root, directory));
  return files;
}

/**
 * Makes the link farm in OpenNebula's remotes directory, which must exist. Made again it changes nothing; old links of ours that the table no
 * longer has go away. Throws already_exists, before anything is changed, when a name belongs to somebody else.
 */
export async function installShims(root: string, program: string, drivers: readonly DriverName[] = DRIVER_NAMES): Promise<InstalledFile[]> {
  try {
    await refuseForeign(root, drivers);
    await mkdir(join(root, dirname(SHIM)), { recursive: true, mode: 0o755 });
    const files: InstalledFile[] = [{ path: SHIM, change: await placeShim(join(root, SHIM), program) }];
    await flushDirectory(join(root, dirname(SHIM)));
    for (const driver of drivers) files.push(...(await installDriver(root, driver)));
    return files;
  } catch (thrown) {
    throw asStorageError(thrown, 'install shims');
  }
}

/** Takes away what `installShims` made; what others put into the directories stays. The program goes with the last driver. */
export async function removeShims(root: string, drivers: readonly DriverName[] = DRIVER_NAMES): Promise<InstalledFile[]> {
  try {
    if (!(await stat(root)).isDirectory()) throw new StorageError('bad_argument', `${root} is not a directory`);
    const files: InstalledFile[] = [];
    for (const driver of drivers) {
      const directory = directoryOf(driver);
      files.push(...(await dropLinks(root, directory, new Set())));
      // Not empty: somebody else's files are in it.
      await rmdir(join(root, directory)).catch(() => undefined);
    }
    const others = await Promise.all(DRIVER_NAMES.map((driver) => linksLeft(root, driver)));
    if (!others.includes(true) && (await whoseFile(join(root, SHIM))) === 'ours') {
      await unlink(join(root, SHIM));
      await rmdir(join(root, dirname(SHIM))).catch(() => undefined);
      files.push({ path: SHIM, change: 'removed' });
    }
    return files;
  } catch (thrown) {
    throw asStorageError(thrown, 'remove shims');
  }
}

async function linksLeft(root: string, driver: DriverName): Promise<boolean> {
  const names = await readdir(join(root, directoryOf(driver))).catch(() => []);
  const found = await Promise.all(names.map((name) => whoseFile(join(root, directoryOf(driver), name))));
  return found.includes('ours');
}
