import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';

/** All that stands under a temporary name starts so, and nothing else does. */
export const STAGE_PREFIX = '.onestorage.';

/** The temporary name of what `operationId` makes: in the same directory, so that a rename publishes it. The same on every attempt. */
export function stagePath(target: string, operationId: string): string {
  if (!/^[\w.-]{1,128}$/u.test(operationId)) throw new StorageError('bad_argument', `not an operation id: '${operationId.slice(0, 140)}'`);
  return path.join(path.dirname(target), `${STAGE_PREFIX}${operationId}.${path.basename(target)}`);
}

/** Makes a file's content and size durable. */
export async function flush(file: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    await handle.sync();
  } catch (thrown) {
    throw asStorageError(thrown, `flush ${file}`);
  } finally {
    await handle.close();
  }
}

/** Makes names made, renamed or removed in a directory durable. */
export async function flushDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } catch (thrown) {
    // Some network file systems cannot flush a directory; they make names durable themselves.
    const code: unknown = thrown instanceof Error ? Reflect.get(thrown, 'code') : undefined;
    if (code !== 'EINVAL' && code !== 'ENOTSUP') throw asStorageError(thrown, `flush ${directory}`);
  } finally {
    await handle.close();
  }
}

/** Gives a flushed file its name: a reader sees the old one or the new one, whole. */
export async function publish(stage: string, target: string): Promise<void> {
  try {
    await rename(stage, target);
  } catch (thrown) {
    throw asStorageError(thrown, `rename to ${target}`);
  }
  await flushDirectory(path.dirname(target));
}

/** The same past the point of no return, where no undo would remove the stage of what could not be published. */
export async function publishOrDiscard(stage: string, target: string): Promise<void> {
  try {
    await publish(stage, target);
  } catch (thrown) {
    await discard(stage).catch(() => undefined);
    throw thrown;
  }
}

/** Removes what a stage left. Not there: fine. Never follows a link. */
export async function discard(stage: string): Promise<void> {
  if (!path.basename(stage).startsWith(STAGE_PREFIX)) throw new StorageError('internal', `not a temporary name: ${stage}`);
  try {
    await rm(stage, { recursive: true, force: true });
  } catch (thrown) {
    throw asStorageError(thrown, `remove ${stage}`);
  }
}
