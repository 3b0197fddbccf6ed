import { createHash, randomFillSync } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import { tool } from './tools.ts';

/** Where images come from: files of known content, and a small web server for them. */

const MIB = 1 << 20;

/** A sparse raw file: `share` of it random data in pieces of 4 MiB spread over the whole, the rest holes. */
export async function makeRaw(file: string, sizeMb: number, share: number): Promise<void> {
  const piece = Buffer.alloc(4 * MIB);
  const pieces = Math.floor(sizeMb / 4);
  const filled = Math.max(1, Math.round(pieces * share));
  const handle = await open(file, 'w');
  try {
    await handle.truncate(sizeMb * MIB);
    for (let index = 0; index < filled; index += 1) {
      const position = Math.floor((index * pieces) / filled) * piece.length;
      await handle.write(randomFillSync(piece), 0, piece.length, position);
    }
  } finally {
    await handle.close();
  }
}

/** gzip that does not look for what random data does not have: quick, and holes still shrink to nothing. */
export async function gzipFile(file: string, target: string): Promise<void> {
  const gzip = createGzip({ level: 1, strategy: constants.Z_RLE, chunkSize: MIB });
  await pipeline(createReadStream(file, { highWaterMark: MIB }), gzip, createWriteStream(target));
}

export async function zstdFile(file: string, target: string): Promise<void> {
  await tool('zstd', '-q', '-1', '-f', '-o', target, file);
}

export async function qcow2File(file: string, target: string): Promise<void> {
  await tool('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', file, target);
}

/** A CD of one text file. */
export async function isoFile(target: string, text: string): Promise<void> {
  const directory = `${target}.files`;
  await mkdir(directory, { recursive: true });
  await writeFile(path.join(directory, 'README.TXT'), text);
  await tool('xorriso', '-as', 'mkisofs', '-quiet', '-J', '-R', '-V', 'LAB', '-o', target, directory);
}

export async function digestOf(file: string, algorithm: 'md5' | 'sha1' | 'sha256'): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(file, { highWaterMark: MIB })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

export interface WebServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** `GET /os.raw.gz`, one per request. */
  readonly requests: readonly string[];
  stop(): Promise<void>;
}

/** Serves the files of a directory, HEAD and ranges too. */
export async function startWebServer(directory: string): Promise<WebServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const file = path.join(directory, path.basename(new URL(request.url ?? '/', 'http://localhost').pathname));
    void stat(file).then(
      async ({ size }) => {
        const [, from = '', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
        const start = Number(from || 0);
        const end = Math.min(to === '' ? size - 1 : Number(to), size - 1);
        response.writeHead(from === '' ? 200 : 206, {
          'accept-ranges': 'bytes',
          'content-length': end - start + 1,
          ...(from === '' ? {} : { 'content-range': `bytes ${start}-${end}/${size}` }),
        });
        if (request.method === 'HEAD') return void response.end();
        await pipeline(createReadStream(file, { start, end }), response).catch(() => undefined); // the client went away
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
