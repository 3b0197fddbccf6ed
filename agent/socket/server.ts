import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { asStorageError, oneLine, StorageError } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import { bindSocket } from '../../runtime/unix-socket.ts';
import type { HostAction } from './host-actions.ts';
import { readWords } from './words.ts';

export interface HostSocketOptions {
  /** Path of the unix socket. */
  readonly path: string;
  readonly actions: ReadonlyMap<string, HostAction>;
  readonly log: Logger;
}

const TARGET = /^\/v1\/actions\/(tm|ds)\/([A-Za-z0-9_-]{1,64})\/([a-z_]{1,64})$/;
/** oneadmin runs the probes; the agent may be another user of the same group. */
const MODE = 0o660;

/**
 * The agent's own socket, for the shims that OpenNebula runs on the host: `POST /v1/actions/tm/<driver>/<action>`, answered with the records
 * of `shims/README.md`. Its actions end at once, so there is nothing to attach to or to cancel. Throws conflict: another agent is running.
 */
export async function startHostSocket({ path, actions, log }: HostSocketOptions): Promise<{ stop(): Promise<void> }> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000, keepAliveTimeout: 1000 }, (request, response) => {
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    void answer(actions, request, response, log);
  });
  const bound = await bindSocket(server, { path, mode: MODE, owner: 'agent' });
  server.on('error', (error) => log.error({ error: error.message }, 'socket'));
  return {
    stop: async () => {
      await bound.release();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  actions: ReadonlyMap<string, HostAction>,
  request: IncomingMessage,
  response: ServerResponse,
  log: Logger,
): Promise<void> {
  try {
    const [, kind, driver = '', name = ''] = TARGET.exec(request.url ?? '') ?? [];
    if (kind === undefined || request.method !== 'POST') throw new StorageError('not_found', 'there is nothing at this address');
    const action = actions.get(`${kind}/${name}`);
    if (action === undefined) throw new StorageError('unsupported', `${kind}/${name}: ${driver} does nothing for it on a host`);
    const lines = await action({ driver, words: await readWords(request) });
    end(response, 200, `${lines.map((line) => `O${line}\n`).join('')}X0\n`);
  } catch (thrown) {
    const error = asStorageError(thrown);
    log.warn({ path: request.url, reason: error.reason, error: error.message, detail: error.detail }, 'call refused');
    end(response, error.reason === 'not_found' ? 404 : 400, `M${oneLine(error.message)}\nX1\n`);
  }
}

function end(response: ServerResponse, status: number, records: string): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store', Connection: 'close' });
  response.end(records);
}
