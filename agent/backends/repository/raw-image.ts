import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError } from '../../../runtime/errors.ts';
import { KIB, MIB } from '../../../runtime/units.ts';
import { abortError, run, type ToolContext } from '../../tools/run.ts';

const BLOCK = 64 * KIB;
const ZEROS = Buffer.alloc(MIB);
/** A program is started for each hole: what is smaller is overwritten with zeros. */
const HOLE = MIB;

/** A raw image that is written in any order. What was never written, and most of what became zeros, takes no space. */
export class RawImage {
  readonly #file: string;
  readonly #handle: FileHandle;
  readonly #context: ToolContext;
  /** From here on nothing was written: it reads as zeros. */
  #touched: number;
  /** Zeros that are yet to be written: those that follow are added. */
  #pending = { from: 0, to: 0 };

  private constructor(file: string, handle: FileHandle, touched: number, context: ToolContext) {
    this.#file = file;
    this.#handle = handle;
    this.#touched = touched;
    this.#context = context;
  }

  /** `fresh`: a new file, or already_exists; else one that is there. A link is never followed. */
  static async open(file: string, { fresh }: { readonly fresh: boolean }, context: ToolContext): Promise<RawImage> {
    const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    try {
      const handle = await open(file, O_RDWR | O_NOFOLLOW | (fresh ? O_CREAT | O_EXCL : 0), 0o600);
      return new RawImage(file, handle, fresh ? 0 : (await handle.stat()).size, context);
    } catch (thrown) {
      throw asStorageError(thrown, `open ${path.basename(file)}`);
    }
  }

  /** What is cut off is lost, what is added reads as zeros. */
  async resize(sizeBytes: number): Promise<void> {
    await this.#settle();
    await this.#handle.truncate(sizeBytes);
    this.#touched = Math.min(this.#touched, sizeBytes);
  }

  async write(offset: number, data: Buffer): Promise<void> {
    await this.#settle();
    let from = 0;
    for (let at = 0; at < data.length; ) {
      const end = Math.min(data.length, at + BLOCK - ((offset + at) % BLOCK));
      // Zeros where nothing was written stay a hole.
      if (offset + at >= this.#touched && isZero(data, at, end)) {
        await this.#put(data, from, at, offset);
        from = end;
      }
      at = end;
    }
    await this.#put(data, from, data.length, offset);
  }

  async zero(offset: number, length: number): Promise<void> {
    if (offset !== this.#pending.to) await this.#settle();
    const from = this.#pending.from === this.#pending.to ? offset : this.#pending.from;
    this.#pending = { from, to: offset + length };
  }

  /** All of it is on the disk then. Gives the bytes that take no space. */
  async finish(): Promise<number> {
    await this.#settle();
    await this.#handle.sync();
    const { size, blocks } = await this.#handle.stat();
    return Math.max(0, size - blocks * 512);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #settle(): Promise<void> {
    const { from, to } = this.#pending;
    this.#pending = { from: 0, to: 0 };
    const end = Math.min(to, this.#touched);
    if (from >= end) return;
    if (end - from < HOLE || !(await this.#punch(from, end))) await this.#overwrite(from, end);
  }

  /** false: this file system has no holes. */
  async #punch(from: number, to: number): Promise<boolean> {
    const range = ['--offset', String(from), '--length', String(to - from)];
    try {
      await run('fallocate', ['--punch-hole', ...range, '--', this.#file], this.#context);
      return true;
    } catch (thrown) {
      if (this.#context.signal.aborted || asStorageError(thrown).reason === 'missing_program') throw thrown;
      return false;
    }
  }

  /** Where something else stands: holes stay. */
  async #overwrite(from: number, to: number): Promise<void> {
    const found = Buffer.allocUnsafe(Math.min(to - from, ZEROS.length));
    for (let at = from; at < to; at += found.length) {
      if (this.#context.signal.aborted) throw abortError(this.#context.signal);
      const length = Math.min(found.length, to - at);
      const { bytesRead } = await this.#handle.read(found, 0, length, at);
      if (bytesRead < length || !isZero(found, 0, length)) await this.#put(ZEROS, 0, length, at);
    }
  }

  async #put(data: Buffer, from: number, to: number, offset: number): Promise<void> {
    for (let done = from; done < to; ) {
      const { bytesWritten } = await this.#handle.write(data, done, to - done, offset + done);
      done += bytesWritten;
    }
    if (to > from) this.#touched = Math.max(this.#touched, offset + to);
  }
}

function isZero(data: Buffer, from: number, to: number): boolean {
  return data.compare(ZEROS, 0, to - from, from, to) === 0;
}
