import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { asStorageError } from '../../runtime/errors.ts';
import { KIB, MIB } from '../../runtime/units.ts';

const BLOCK = 64 * KIB;
const BUFFER = MIB;
const ZEROS = Buffer.alloc(BLOCK);

export interface Written {
  readonly sizeBytes: number;
  /** Zeros that became holes. */
  readonly holeBytes: number;
}

/**
 * Writes a stream into a new file and flushes it. Aligned blocks of 64 KiB that hold only zeros become holes; with `preallocate` every block is
 * written. An existing name is an error, a link is never followed. Whoever calls removes the file when this throws.
 */
export async function writeSparse(
  path: string,
  source: AsyncIterable<Buffer>,
  options: { readonly preallocate: boolean; readonly mode: number },
): Promise<Written> {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  let handle: FileHandle;
  try {
    handle = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, options.mode);
  } catch (thrown) {
    throw asStorageError(thrown, 'write the image');
  }
  const file = new SparseFile(handle, options.preallocate);
  try {
    for await (const chunk of source) await file.append(chunk);
    return await file.finish();
  } catch (thrown) {
    throw asStorageError(thrown, `write to ${dirname(path)}`);
  } finally {
    await handle.close();
  }
}

class SparseFile {
  readonly #handle: FileHandle;
  readonly #preallocate: boolean;
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER);
  #filled = 0;
  /** Where the buffer's first byte goes. */
  #position = 0;
  #holes = 0;

  constructor(handle: FileHandle, preallocate: boolean) {
    this.#handle = handle;
    this.#preallocate = preallocate;
  }

  async append(chunk: Buffer): Promise<void> {
    let rest = chunk;
    while (rest.length > 0) {
      const count = rest.copy(this.#buffer, this.#filled);
      this.#filled += count;
      rest = rest.subarray(count);
      if (this.#filled === BUFFER) await this.#write();
    }
  }

  async finish(): Promise<Written> {
    await this.#write();
    await this.#handle.truncate(this.#position);
    await this.#handle.sync();
    return { sizeBytes: this.#position, holeBytes: this.#holes };
  }

  /** Runs of blocks with data go out in one call each. */
  async #write(): Promise<void> {
    let from = 0;
    let to = 0;
    while (to < this.#filled) {
      const end = Math.min(to + BLOCK, this.#filled);
      if (this.#isHole(to, end)) {
        await this.#writeRun(from, to);
        this.#holes += end - to;
        from = end;
      }
      to = end;
    }
    await this.#writeRun(from, to);
    this.#position += this.#filled;
    this.#filled = 0;
  }

  #isHole(start: number, end: number): boolean {
    return !this.#preallocate && this.#buffer.compare(ZEROS, 0, end - start, start, end) === 0;
  }

  async #writeRun(from: number, to: number): Promise<void> {
    let done = from;
    while (done < to) {
      const { bytesWritten } = await this.#handle.write(this.#buffer, done, to - done, this.#position + done);
      done += bytesWritten;
    }
  }
}
