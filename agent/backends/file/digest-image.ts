import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import { type Bytes, bytes } from '../../../runtime/units.ts';

const CHUNK = 1024 * 1024;

export interface FileDigest {
  /** Of the file, as a download of it would have. */
  readonly sizeBytes: Bytes;
  /** Hex. MD5 because OpenNebula's marketplaces compare that (contract 2.1, export). */
  readonly md5: string;
}

/** Reads a whole file once. Errors: not_found, cancelled, conflict when it is not a plain file. */
export async function digestFile(file: string, context: OperationContext): Promise<FileDigest> {
  try {
    const found = await stat(file);
    if (!found.isFile()) throw new StorageError('conflict', `${file} is not a plain file`);
    const hash = createHash('md5');
    let done = 0;
    for await (const chunk of createReadStream(file, { highWaterMark: CHUNK, signal: context.signal })) {
      hash.update(chunk as Buffer);
      done += (chunk as Buffer).length;
      context.report({ step: 'checksum', doneBytes: done, totalBytes: found.size });
    }
    context.count({ verifiedBytes: done });
    return { sizeBytes: bytes(done), md5: hash.digest('hex') };
  } catch (thrown) {
    throw asStorageError(thrown, 'checksum');
  }
}
