import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { asStorageError, StorageError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from './metrics.ts';

/** Whoever scrapes: a few at once, and none that stays for ever. */
const MAX_CONNECTIONS = 16;
const REQUEST_MS = 5000;

export interface MetricsListener {
  readonly port: number;
  stop(): Promise<void>;
}

/** GET /metrics at `listen` (host:port, 0 takes a free one). Error: bad_config when the address cannot be used. */
export async function listenForScrapes(listen: string, metrics: Metrics, log: Logger): Promise<MetricsListener> {
  const { host, port } = splitAddress(listen);
  const server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, keepAliveTimeout: REQUEST_MS },
    (request, response) => {
      const answer = (status: number, type: string, text: string): void => {
        response.writeHead(status, { 'content-type': type }).end(request.method === 'HEAD' ? undefined : text);
      };
      if (request.method !== 'GET' && request.method !== 'HEAD') answer(405, 'text/plain', 'only GET\n');
      else if (request.url?.split('?')[0] !== '/metrics') answer(404, 'text/plain', 'the metrics are at /metrics\n');
      else {
        metrics.text().then(
          (text) => answer(200, metrics.contentType, text),
          (thrown: unknown) => {
            log.error({ err: asStorageError(thrown) }, 'the metrics cannot be collected');
            answer(500, 'text/plain', 'the metrics cannot be collected; see the log\n');
          },
        );
      }
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.listen({ host, port });
  try {
    await once(server, 'listening');
  } catch (thrown) {
    throw new StorageError('bad_config', `metrics.listen: cannot listen on ${listen}: ${asStorageError(thrown).message}`, {
      cause: thrown,
    });
  }
  server.on('error', (error) => log.error({ error: error.message }, 'metrics'));
  // A scraper is no reason to go on living.
  server.unref();
  const { port: bound } = server.address() as AddressInfo;
  log.info({ listen, port: bound }, 'metrics');
  return {
    port: bound,
    stop: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function splitAddress(listen: string): { host: string; port: number } {
  const [, host = '', port = ''] = /^(.*):(\d+)$/u.exec(listen) ?? [];
  return { host: host.replace(/^\[(.*)\]$/u, '$1'), port: Number(port) };
}
