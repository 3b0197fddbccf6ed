import type { FileHandle } from 'node:fs/promises';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { AllowedFile } from './allow.ts';
import type { Source } from './source.ts';

/** A file that was opened and allowed, as a source. The file is closed by `close`, not by the end of the stream. */
export function localSource(file: AllowedFile, signal: AbortSignal): Source {
  return { label: file.path, sizeBytes: file.size, stream: readAll(file, signal), close: () => file.handle.close() };
}

async function* readAll(file: AllowedFile, signal: AbortSignal): AsyncGenerator<Buffer> {
  const isUnchanged = await watchChanges(file.handle);
  try {
    let position = 0;
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead, buffer } = await file.handle.read(Buffer.allocUnsafe(1 << 20), 0, 1 << 20, position);
      if (bytesRead === 0) break;
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } catch (thrown) {
    throw asStorageError(thrown, `reading ${file.path}`);
  }
  await isUnchanged(file.path);
}

/** Notes what the file is now; the function it gives throws when it was written to since. */
export async function watchChanges(handle: FileHandle): Promise<(label: string) => Promise<void>> {
  const before = await handle.stat({ bigint: true });
  return async (label) => {
    const after = await handle.stat({ bigint: true });
    if (after.size === before.size && after.mtimeNs === before.mtimeNs) return;
    throw new StorageError('conflict', `${label} changed while it was read; import it again when nothing writes to it`);
  };
}
