import { StringDecoder } from 'node:string_decoder';

/** The last `limit` bytes of a stream: what a program said last is what explains its failure. */
export class Tail {
  readonly #limit: number;
  #chunks: Buffer[] = [];
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    // Joined only when twice too long, so that a stream of small chunks costs linear time.
    if (this.#size > 2 * this.#limit) this.#keep(Buffer.concat(this.#chunks));
  }

  text(): string {
    this.#keep(Buffer.concat(this.#chunks));
    return this.#chunks[0]?.toString('utf8') ?? '';
  }

  #keep(all: Buffer): void {
    const kept = all.length > this.#limit ? Buffer.from(all.subarray(all.length - this.#limit)) : all;
    this.#chunks = [kept];
    this.#size = kept.length;
  }
}

/** Longer lines are handed on in pieces. */
const LONGEST_LINE = 64 * 1024;

/** Splits a stream into lines. A carriage return ends one too: progress of qemu-img is written over one line. */
export class Lines {
  readonly #decoder = new StringDecoder('utf8');
  readonly #onLine: (line: string) => void;
  #rest = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    const parts = (this.#rest + this.#decoder.write(chunk)).split(/[\r\n]+/u);
    this.#rest = parts.pop() ?? '';
    for (const line of parts) if (line !== '') this.#onLine(line);
    if (this.#rest.length > LONGEST_LINE) this.end();
  }

  end(): void {
    const line = this.#rest;
    this.#rest = '';
    if (line !== '') this.#onLine(line);
  }
}

/** The last line that says something. */
export function lastLine(text: string): string {
  return (
    text
      .trimEnd()
      .split(/[\r\n]+/u)
      .at(-1)
      ?.trim() ?? ''
  );
}
