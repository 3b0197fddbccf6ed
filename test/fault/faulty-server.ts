import { createReadStream, statSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';

/** A web server that fails in all the ways an origin of images can, by the name that is asked for. */
export interface FaultyServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  stop(): Promise<void>;
}

type Answer = (response: ServerResponse, file: string, size: number) => void;

const ANSWERS: Readonly<Record<string, Answer>> = {
  /** The whole file. */
  '/whole': (response, file, size) => {
    response.writeHead(200, { 'content-length': size });
    void pipeline(createReadStream(file), response).catch(() => undefined); // the client went away
  },
  /** Half of it, and then nothing, for ever. */
  '/stalls': (response, file, size) => {
    response.writeHead(200, { 'content-length': size });
    createReadStream(file, { end: size / 2 }).pipe(response, { end: false });
  },
  /** Half of it, and the connection breaks: at every try, and without the ranges that would let it go on. */
  '/ends-early': (response, file, size) => {
    response.writeHead(200, { 'content-length': size });
    const half = createReadStream(file, { end: size / 2 });
    half.pipe(response, { end: false });
    half.on('end', () => response.write('', () => response.destroy()));
  },
  /** A page in place of the image. */
  '/login': (response) => {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end('<html>please log in</html>');
  },
  '/forbidden': (response) => void response.writeHead(403).end('no'),
  '/broken': (response) => void response.writeHead(500).end('no'),
  '/circle': (response) => void response.writeHead(302, { location: '/circle' }).end(),
  '/to-a-file': (response) => void response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
};

/** Serves `file` on the loopback. */
export async function startFaultyServer(file: string): Promise<FaultyServer> {
  const server = createServer((request, response) => {
    const answer = ANSWERS[request.url ?? ''];
    if (answer === undefined) response.writeHead(404).end();
    else answer(response, file, statSync(file).size);
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
