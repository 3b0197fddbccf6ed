import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { statOrigin } from '../../../agent/origin/stat.ts';
import { type HttpOrigin, startHttpOrigin } from '../../helpers/http-origin.ts';
import { failureOf, sampleDisk, scratch } from './helpers.ts';

const disk = sampleDisk();
const MIB = 1 << 20;
let root: Awaited<ReturnType<typeof scratch>>;
let server: HttpOrigin;
let qcow2: Buffer;
const pack = (program: string, content: Buffer): Buffer => execFileSync(program, ['-c'], { input: content, maxBuffer: 1 << 26 });

beforeAll(async () => {
  root = await scratch();
  server = await startHttpOrigin();
  const image = join(root.path, 'image.qcow2');
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', image, '300M']);
  qcow2 = execFileSync('cat', [image]);
});
afterAll(async () => {
  await server.close();
  await root.remove();
});

async function size(
  path: string,
  more: { readonly noDecompress?: boolean; readonly opaque?: boolean; readonly deadlineMs?: number; readonly signal?: AbortSignal } = {},
): Promise<number> {
  const origin = {
    path,
    safeDirs: [root.path],
    restrictedDirs: ['/'],
    noDecompress: more.noDecompress === true,
    bytesPerSecond: 0,
    sealed: false,
  };
  const { deadlineMs, opaque = false, signal = new AbortController().signal } = more;
  return statOrigin(
    origin,
    undefined,
    { safe: [root.path], restricted: ['/'], never: [] },
    { signal, opaque, ...(deadlineMs === undefined ? {} : { deadlineMs }) },
  );
}

let names = 0;
async function asFile(content: Buffer): Promise<string> {
  const path = join(root.path, `origin-${++names}`);
  await writeFile(path, content);
  return path;
}
const asUrl = async (content: Buffer): Promise<string> => server.serve(`/origin-${++names}`, { content });

describe.each([
  ['a file', asFile],
  ['an address', asUrl],
])('the size of an image from %s', (_, place) => {
  it('is that of the disk inside', async () => {
    expect(await size(await place(disk))).toBe(disk.length);
    expect(await size(await place(qcow2))).toBe(300 * MIB);
  });

  it.each(['gzip', 'bzip2', 'xz', 'zstd'])('is that of the disk inside %s', async (program) => {
    expect(await size(await place(pack(program, disk)))).toBe(disk.length);
    expect(await size(await place(pack(program, qcow2)))).toBe(300 * MIB);
  });

  it('is that of the file itself when it is not to be decompressed', async () => {
    const packed = pack('gzip', disk);
    expect(await size(await place(packed), { noDecompress: true })).toBe(packed.length);
  });

  it('is that of the file, whatever it is, for a FILE datastore', async () => {
    for (const content of [qcow2, Buffer.from('KDMV of a file'), Buffer.alloc(0)]) {
      expect(await size(await place(content), { noDecompress: true, opaque: true })).toBe(content.length);
    }
  });

  it('is not told of what an import would refuse', async () => {
    const vmdk = Buffer.concat([Buffer.from('KDMV'), Buffer.alloc(100_000)]);
    expect(await failureOf(size(await place(vmdk)))).toMatchObject({ reason: 'bad_image', message: expect.stringContaining('VMDK') });
    expect(await failureOf(size(await place(Buffer.alloc(0))))).toMatchObject({
      reason: 'bad_image',
      message: expect.stringContaining('empty'),
    });
    const damaged = pack('gzip', disk).subarray(0, 300_000);
    expect(await failureOf(size(await place(damaged)))).toMatchObject({ reason: 'bad_image' });
  });
});

describe('the size of an image', () => {
  it('needs no more than the start of a download', async () => {
    const url = server.serve('/long', { content: disk, stallAfter: { bytes: 100_000 } });
    expect(await size(url)).toBe(disk.length);
    const inside = server.serve('/long.gz', { content: pack('gzip', Buffer.concat([qcow2, disk])), stallAfter: { bytes: 300_000 } });
    expect(await size(inside)).toBe(300 * MIB);
  });

  it('is counted when the server does not say it', async () => {
    expect(await size(server.serve('/chunked', { content: disk, length: null }))).toBe(disk.length);
  });

  it('is given up in time for oned, and when nobody waits any more', async () => {
    const url = server.serve('/slow', { content: pack('gzip', disk), stallAfter: { bytes: 200_000 } });
    expect(await failureOf(size(url, { deadlineMs: 300 }))).toMatchObject({ reason: 'timeout', message: expect.stringContaining(url) });
    const abort = new AbortController();
    const before = server.requests.length;
    const running = failureOf(size(url, { signal: abort.signal }));
    while (server.requests.length === before) await new Promise((resolve) => setImmediate(resolve));
    abort.abort();
    expect(await running).toMatchObject({ reason: 'cancelled' });
  });

  it('is refused for restricted files and directories', async () => {
    expect(await failureOf(size('/etc/hostname'))).toMatchObject({ reason: 'restricted_path' });
    expect(await failureOf(size(root.path))).toMatchObject({ reason: 'bad_argument' });
  });

  it('leaves nothing on disk', async () => {
    const before = readdirSync(root.path);
    await size(server.serve('/trace', { content: pack('xz', disk) }));
    expect(readdirSync(root.path)).toEqual(before);
  });
});
