import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { Located } from '../backends/file/places.ts';
import { type FileIdentity, identify, sameFile } from '../backends/file/snapshots-files.ts';
import { isInside } from './links.ts';

/**
 * Two places of this host may be one: datastores whose directories are links to one directory, or mounts of one. What is received over itself
 * looks like a success, and is then removed as the source of a move. Error: conflict, before anything is changed.
 */
export async function refuseSamePlace(source: Located, target: Located): Promise<void> {
  const isOneName =
    source.name === target.name && sameFile(await identifyDirectory(source.directory), await identifyDirectory(target.directory));
  if (isOneName || (await isOneDirectory(source.path, target.path))) {
    throw new StorageError('conflict', `source and target are the same ${what(source, target)}; nothing was changed`);
  }
  const [from, to] = [await realPath(source), await realPath(target)];
  if (from === undefined || to === undefined) return;
  if (isInside(from, to) || isInside(to, from)) {
    throw new StorageError('conflict', `source and target lie one in the other: ${what(source, target)}; nothing was changed`);
  }
}

function what(source: Located, target: Located): string {
  return `directory or file: ${source.path} and ${target.path}`;
}

/** A directory mounted in two places. A file may have several names and still be two places. */
async function isOneDirectory(one: string, other: string): Promise<boolean> {
  const identity = await identifyDirectory(one);
  return identity !== undefined && sameFile(await identify(one), identity) && sameFile(identity, await identify(other));
}

/** Of the directory that the path leads to: that of a datastore may be a link. undefined: not there, or none. */
async function identifyDirectory(directory: string): Promise<FileIdentity | undefined> {
  const found = await orNothing(() => stat(directory));
  return found?.isDirectory() === true ? { device: found.dev, inode: found.ino } : undefined;
}

async function realPath({ directory, name }: Located): Promise<string | undefined> {
  const real = await orNothing(() => realpath(directory));
  return real === undefined ? undefined : path.join(real, name);
}

async function orNothing<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (thrown) {
    const code: unknown = thrown instanceof Error ? Reflect.get(thrown, 'code') : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw asStorageError(thrown, 'look at');
  }
}
