import { chown, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { StorageError } from '../errors.ts';

const LOCK_FILE = '.lock';
const GIVE_UP_MS = 30_000;
const LOOK_EVERY_MS = 20;

/**
 * Does `work` while no other process, nor anybody else in this one, does such work on the directory. SQLite's lock, for Node has no other: the kernel takes
 * it from a process that dies. Throws busy when it is held for 30 s.
 */
export async function withDirectoryLock<T>(directory: string, work: () => Promise<T>): Promise<T> {
  const { DatabaseSync } = await import('node:sqlite');
  const file = join(directory, LOCK_FILE);
  const giveUp = Date.now() + GIVE_UP_MS;
  let held = await take(DatabaseSync, file, directory);
  while (held === undefined) {
    if (Date.now() > giveUp) throw new StorageError('busy', `another program works on ${directory}`);
    await sleep(LOOK_EVERY_MS);
    held = await take(DatabaseSync, file, directory);
  }
  try {
    return await work();
  } finally {
    held.close();
  }
}

/** undefined: somebody else has it. */
async function take(Database: typeof DatabaseSync, file: string, directory: string): Promise<DatabaseSync | undefined> {
  await make(file, directory);
  const database = new Database(file, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (thrown) {
    database.close();
    // Made by root a moment ago, it does not belong to the owner of the directory yet.
    if (thrown instanceof Error && /locked|busy|readonly/iu.test(thrown.message)) return undefined;
    throw new StorageError('storage_failed', `${file} cannot be locked`, { cause: thrown });
  }
}

/** Root runs commands on a directory in which the controller works as another user. */
async function make(file: string, directory: string): Promise<void> {
  const handle = await open(file, 'a', 0o600).catch((thrown: unknown) => {
    throw new StorageError('storage_failed', `${file} cannot be opened`, { cause: thrown });
  });
  await handle.close();
  const [own, wanted] = [await stat(file), await stat(directory)];
  if (own.uid !== wanted.uid && process.getuid?.() === 0) await chown(file, wanted.uid, wanted.gid);
}
