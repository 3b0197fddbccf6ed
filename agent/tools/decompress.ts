import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { StorageError } from '../../runtime/errors.ts';
import { lastLine, Tail } from './output.ts';
import type { ProgramName } from './programs.ts';
import { abortError, run, start, type ToolContext } from './run.ts';

export type Compression = 'gzip' | 'bzip2' | 'xz' | 'zstd';

/** Bytes of the start of a file that are enough to know its compression. */
export const MAGIC_LENGTH = 10;

/** Magic numbers of a block of bzip2, and of the end of its data. */
const BZIP2_BLOCKS: readonly string[] = ['1AY&SY', '\x17rE8P\x90'];

/** By the first bytes alone: names and media types of servers lie. zstd also starts with a skippable frame (pzstd). */
export function compressionOf(head: Buffer): Compression | undefined {
  if (head.length < 4) return undefined;
  if (head[0] === 0x1f && head[1] === 0x8b && head[2] === 8) return 'gzip';
  const text = head.toString('latin1', 0, MAGIC_LENGTH);
  if (/^BZh[1-9]$/u.test(text.slice(0, 4)) && BZIP2_BLOCKS.includes(text.slice(4))) return 'bzip2';
  if (text.startsWith('\xfd7zXZ\0')) return 'xz';
  const word = head.readUInt32LE(0);
  return word === 0xfd2fb528 || (word & 0xfffffff0) >>> 0 === 0x184d2a50 ? 'zstd' : undefined;
}

// A file may ask for a dictionary of 4 GiB; xz -9 needs 65 MiB.
const XZ_MEMORY = '--memlimit-decompress=512MiB';

const DECOMPRESSORS = {
  gzip: (source, context) => through('gzip', createGunzip({ chunkSize: 1 << 17 }), source, context),
  zstd: (source, context) => through('zstd', createZstdDecompress({ chunkSize: 1 << 17 }), source, context),
  bzip2: (source, context) => throughProgram('bzip2', ['-dc'], source, context),
  xz: (source, context) => throughProgram('xz', ['-dc', XZ_MEMORY], source, context),
} as const satisfies Readonly<Record<Compression, (source: AsyncIterable<Buffer>, context: ToolContext) => AsyncIterable<Buffer>>>;

/**
 * The decompressed bytes. Errors of the source come through as they are; data that is damaged or ends early is `bad_image`. gzip and zstd run
 * inside Node (one thread of its pool), bzip2 and xz as programs.
 */
export function decompress(compression: Compression, source: AsyncIterable<Buffer>, context: ToolContext): AsyncIterable<Buffer> {
  return DECOMPRESSORS[compression](source, context);
}

function damaged(compression: Compression, said: string): StorageError {
  return new StorageError('bad_image', `the ${compression} data is damaged or ends early${said === '' ? '' : `: ${said}`}`);
}

async function* through(
  name: Compression,
  transform: ReturnType<typeof createGunzip> | ReturnType<typeof createZstdDecompress>,
  source: AsyncIterable<Buffer>,
  context: ToolContext,
): AsyncGenerator<Buffer> {
  const input = new Failing(source);
  const feeding = pipeline(Readable.from(input.read(), { objectMode: false }), transform).catch(() => undefined);
  try {
    for await (const chunk of transform) yield chunk as Buffer;
  } catch (thrown) {
    if (context.signal.aborted) throw abortError(context.signal);
    throw input.failure ?? damaged(name, thrown instanceof Error ? thrown.message : '');
  } finally {
    transform.destroy();
    await feeding;
  }
}

async function* throughProgram(
  program: ProgramName & Compression,
  args: readonly string[],
  source: AsyncIterable<Buffer>,
  context: ToolContext,
): AsyncGenerator<Buffer> {
  const child = await start(program, args, { ...context, stdin: 'pipe' });
  const tail = new Tail(4096);
  child.stderr.on('data', (chunk: Buffer) => tail.push(chunk));
  const stderrClosed = once(child.stderr, 'close');
  const input = new Failing(source);
  const feeding =
    child.stdin === undefined
      ? Promise.resolve()
      : // The program closes its input when it finds damage: its exit code tells. A source that failed ends the program.
        pipeline(Readable.from(input.read(), { objectMode: false }), child.stdin).catch(() => {
          if (input.failure !== undefined) void child.kill();
        });
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
    const exit = await child.exited;
    await feeding;
    if (context.signal.aborted) throw abortError(context.signal);
    if (input.failure !== undefined) throw input.failure;
    await stderrClosed;
    if (exit.code !== 0) throw damaged(program, lastLine(tail.text()).replace(/^\w+: /u, ''));
  } finally {
    await child.kill();
    child.stdin?.destroy();
    await feeding;
  }
}

/** Remembers what the source threw, so that it is not taken for damaged data. */
class Failing {
  failure: unknown;
  readonly #source: AsyncIterable<Buffer>;

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source;
  }

  /** A stream that fails throws its error into what it reads from; that must not pass for an error of the source, which is only told to end. */
  async *read(): AsyncGenerator<Buffer> {
    const iterator = this.#source[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.#next(iterator);
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }

  async #next(iterator: AsyncIterator<Buffer>): Promise<IteratorResult<Buffer>> {
    try {
      return await iterator.next();
    } catch (thrown) {
      this.failure = thrown;
      throw thrown;
    }
  }
}

/** Decompressed size of an xz file as its index says, in bytes. Reads a few KiB. */
export async function xzSize(path: string, context: ToolContext): Promise<number> {
  // xz refuses special files and links, /proc/…/fd/… among them, unless forced.
  const { stdout } = await run('xz', ['--robot', '--list', '--force', '--', path], context);
  const size = Number(/^totals\t\d+\t\d+\t\d+\t(\d+)\t/mu.exec(stdout)?.[1]);
  if (!Number.isSafeInteger(size)) throw damaged('xz', 'its index has no size');
  return size;
}
