import { randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { asStorageError } from '../../runtime/errors.ts';

/** Memory, where there is any that looks like files. */
const MEMORY = '/dev/shm';

/** What a child gets as open files: it reads them as /dev/fd/3, /dev/fd/4, … */
export interface SecretFiles extends AsyncDisposable {
  readonly descriptors: readonly number[];
}

/**
 * Texts that a program may read and nobody else can: files of mode 0600 that have lost their name before anything is written into them. They
 * go with the last descriptor.
 */
export async function secretFiles(texts: readonly string[]): Promise<SecretFiles> {
  const handles: FileHandle[] = [];
  const close = async (): Promise<void> => {
    for (const handle of handles) await handle.close();
  };
  try {
    for (const text of texts) {
      const handle = await nameless();
      handles.push(handle);
      await handle.writeFile(text);
    }
  } catch (thrown) {
    await close();
    throw asStorageError(thrown, 'hand a secret to a program');
  }
  return { descriptors: handles.map(({ fd }) => fd), [Symbol.asyncDispose]: close };
}

async function nameless(): Promise<FileHandle> {
  const name = `.onestorage.${randomUUID()}`;
  const made = await open(path.join(MEMORY, name), 'wx+', 0o600).catch(() => undefined);
  if (made !== undefined) return await unnamed(made, path.join(MEMORY, name));
  return await unnamed(await open(path.join(os.tmpdir(), name), 'wx+', 0o600), path.join(os.tmpdir(), name));
}

async function unnamed(handle: FileHandle, name: string): Promise<FileHandle> {
  await unlink(name);
  return handle;
}
