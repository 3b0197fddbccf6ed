import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Compression, compressionOf, decompress, xzSize } from '../../../agent/tools/decompress.ts';
import { StorageError } from '../../../runtime/errors.ts';
import { chunksOf, collect, failureOf, sampleDisk, scratch } from './helpers.ts';

const PROGRAMS = ['gzip', 'bzip2', 'xz', 'zstd'] as const satisfies readonly Compression[];

let root: Awaited<ReturnType<typeof scratch>>;
beforeAll(async () => {
  root = await scratch();
});
afterAll(() => root.remove());

const context = () => ({ signal: new AbortController().signal });
const pack = (program: Compression, content: Buffer): Buffer => execFileSync(program, ['-c'], { input: content, maxBuffer: 1 << 26 });

describe.each(PROGRAMS)('%s', (program) => {
  const disk = sampleDisk();
  const packed = pack(program, disk);

  it('is known by its first bytes and comes out as it went in', async () => {
    expect(compressionOf(packed)).toBe(program);
    expect((await collect(decompress(program, chunksOf(packed), context()))).equals(disk)).toBe(true);
  });

  it('may have several parts', async () => {
    const twice = Buffer.concat([packed, packed]);
    expect((await collect(decompress(program, chunksOf(twice, 1000), context()))).equals(Buffer.concat([disk, disk]))).toBe(true);
  });

  it('is refused when it ends early, is damaged or is nothing', async () => {
    const middle = Math.floor(packed.length / 2);
    const wrong = Buffer.from(packed);
    wrong.fill(0xff, middle, middle + 64);
    for (const content of [packed.subarray(0, middle), wrong, packed.subarray(0, 20)]) {
      expect(await failureOf(collect(decompress(program, chunksOf(content), context())))).toMatchObject({ reason: 'bad_image' });
    }
  });

  it('gives the error of its source, not its own', async () => {
    async function* breaking(): AsyncGenerator<Buffer> {
      yield packed.subarray(0, 70_000);
      throw new StorageError('origin_failed', 'gone');
    }
    expect(await failureOf(collect(decompress(program, breaking(), context())))).toMatchObject({
      reason: 'origin_failed',
      message: 'gone',
    });
  });

  it('ends its source when nobody reads on', async () => {
    let ended = false;
    async function* endless(): AsyncGenerator<Buffer> {
      try {
        for (;;) yield packed;
      } finally {
        ended = true;
      }
    }
    for await (const _ of decompress(program, endless(), context())) break;
    expect(ended).toBe(true);
  });
});

describe('compressions', () => {
  it('takes nothing else for compressed', () => {
    for (const text of ['BZh is a text', 'QFI\xfb', '', '\x1f\x8b', 'conectix', '(\xb5/']) {
      expect(compressionOf(Buffer.from(text, 'latin1'))).toBeUndefined();
    }
    expect(compressionOf(pack('bzip2', Buffer.alloc(0)))).toBe('bzip2');
    expect(compressionOf(Buffer.from([0x50, 0x2a, 0x4d, 0x18, 0]))).toBe('zstd');
  });

  it('stops when it is cancelled', async () => {
    const abort = new AbortController();
    async function* waiting(): AsyncGenerator<Buffer> {
      yield pack('xz', randomBytes(200_000)).subarray(0, 100_000);
      abort.abort(new StorageError('superseded', 'another one came'));
      abort.signal.throwIfAborted();
    }
    expect(await failureOf(collect(decompress('xz', waiting(), { signal: abort.signal })))).toMatchObject({ reason: 'superseded' });
  });

  it('reads the size of an xz file from its index', async () => {
    const file = join(root.path, 'a.xz');
    const disk = sampleDisk();
    await writeFile(file, Buffer.concat([pack('xz', disk), pack('xz', disk)]));
    expect(await xzSize(file, context())).toBe(2 * disk.length);
  });
});
