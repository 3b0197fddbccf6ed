import { StorageError } from '../../../runtime/errors.ts';

/** No field of a format is larger. */
const LONGEST_FIELD = 8192;

/**
 * The bytes of a stream, a field at a time. No more is kept than the chunk at hand and one field, so what a stream says of its lengths costs no
 * memory. Throws repository_damaged, with `what` the stream is, where it ends within a field.
 */
export class StreamFields {
  readonly #source: AsyncIterator<Buffer>;
  readonly #what: string;
  #chunk: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>, what: string) {
    this.#source = source[Symbol.asyncIterator]();
    this.#what = what;
  }

  /** Exactly so many bytes, at most 8 KiB. */
  async take(count: number): Promise<Buffer> {
    if (count > LONGEST_FIELD) throw new StorageError('internal', `a field of ${count} bytes`);
    if (this.#chunk.length >= count) return this.#cut(count);
    const field = Buffer.alloc(count);
    let filled = 0;
    for await (const piece of this.pieces(count)) filled += piece.copy(field, filled);
    return field;
  }

  /** So many bytes as they come, in pieces that are good until the next one. */
  async *pieces(count: number): AsyncGenerator<Buffer> {
    let left = count;
    while (left > 0) {
      if (await this.atEnd()) throw this.damaged('it ends too early');
      const piece = this.#cut(Math.min(left, this.#chunk.length));
      left -= piece.length;
      yield piece;
    }
  }

  async skip(count: number): Promise<void> {
    for await (const _ of this.pieces(count));
  }

  async atEnd(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const { done, value } = await this.#source.next();
      if (done === true) return true;
      this.#chunk = value;
    }
    return false;
  }

  /** Lets go of whatever the stream comes from. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  damaged(why: string): StorageError {
    return new StorageError('repository_damaged', `${this.#what} cannot be read as an export of Ceph: ${why}`);
  }

  #cut(count: number): Buffer {
    const piece = this.#chunk.subarray(0, count);
    this.#chunk = this.#chunk.subarray(count);
    return piece;
  }
}
