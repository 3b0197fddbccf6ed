import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createPlain, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTls } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface Served {
  readonly content: Buffer;
  /** false: Range is ignored. */
  readonly ranges?: boolean;
  /** false: neither ETag nor Last-Modified. */
  readonly validators?: boolean;
  /** Closes the connection after so many bytes, for the first `times` responses (default: all). */
  readonly endAfter?: { readonly bytes: number; readonly times?: number };
  /** Content-Length that is sent instead of the right one; null: none, chunked. */
  readonly length?: number | null;
  /** Stops sending after so many bytes and keeps the connection, for the first `times` responses (default: all). */
  readonly stallAfter?: { readonly bytes: number; readonly times?: number };
  /** Status for the first `times` responses (default: all). */
  readonly status?: { readonly code: number; readonly times?: number };
  readonly redirect?: { readonly to: string; readonly code?: number };
  /** false: a part is sent whatever If-Range asks for. */
  readonly ifRange?: boolean;
  /** Served from the second response on. */
  readonly later?: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
}

/** A real web server with the faults that real ones have. */
export class HttpOrigin {
  readonly requests: Seen[] = [];
  readonly url: string;
  readonly #server: Server;
  readonly #files: Map<string, Served>;

  constructor(server: Server, files: Map<string, Served>, url: string) {
    this.#server = server;
    this.#files = files;
    this.url = url;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => this.#answer(request, response));
  }

  /** Serves a file, or serves it differently from now on. Gives its address. */
  serve(path: string, served: Served): string {
    this.#files.set(path, served);
    return this.url + path;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { url = '', method = '', headers } = request;
    const path = url.split('?')[0] ?? '';
    const count = this.requests.filter((seen) => seen.url.split('?')[0] === path).length;
    this.requests.push({ method, url, headers });
    const served = this.#files.get(path);
    if (served === undefined) {
      response.writeHead(404).end('no such file');
      return;
    }
    const within = (fault: { readonly times?: number } | undefined): boolean =>
      fault !== undefined && count < (fault.times ?? Number.POSITIVE_INFINITY);
    if (served.redirect !== undefined) {
      response.writeHead(served.redirect.code ?? 302, { location: served.redirect.to }).end();
      return;
    }
    if (within(served.status)) {
      response.writeHead(served.status?.code ?? 500).end();
      return;
    }
    const content = count > 0 && served.later !== undefined ? served.later : served.content;
    const { status, from, fields } = this.#head(served, content, headers);
    response.writeHead(status, fields);
    const body = content.subarray(from);
    if (within(served.endAfter)) {
      response.write(body.subarray(0, served.endAfter?.bytes ?? 0), () => response.destroy());
    } else if (within(served.stallAfter)) {
      response.write(body.subarray(0, served.stallAfter?.bytes ?? 0));
    } else {
      response.end(body);
    }
  }

  #head(
    served: Served,
    content: Buffer,
    headers: IncomingMessage['headers'],
  ): { status: number; from: number; fields: Record<string, string> } {
    const etag = `"${createHash('md5').update(content).digest('hex')}"`;
    const fields: Record<string, string> = { ...served.headers };
    if (served.validators !== false) fields['etag'] = etag;
    const [, start] = /^bytes=(\d+)-$/.exec(headers.range ?? '') ?? [];
    const current = served.ifRange === false || headers['if-range'] === undefined || headers['if-range'] === etag;
    if (start !== undefined && served.ranges !== false && current) {
      const from = Number(start);
      fields['content-range'] = `bytes ${from}-${content.length - 1}/${content.length}`;
      fields['content-length'] = String(content.length - from);
      return { status: 206, from, fields };
    }
    if (served.length !== null) fields['content-length'] = String(served.length ?? content.length);
    return { status: 200, from: 0, fields };
  }
}

/** Starts the server on a free port of 127.0.0.1, with TLS when a key and a certificate are given. */
export async function startHttpOrigin(tls?: { readonly key: string; readonly cert: string }): Promise<HttpOrigin> {
  // A proxy of the machine the tests run on would be asked for 127.0.0.1 as well.
  process.env['NO_PROXY'] = '127.0.0.1,localhost';
  const server = tls === undefined ? createPlain() : createTls(tls);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return new HttpOrigin(server, new Map(), tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`);
}
