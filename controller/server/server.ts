import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import packageJson from '../../package.json' with { type: 'json' };
import { asStorageError } from '../../runtime/errors.ts';
import { bindSocket } from '../../runtime/unix-socket.ts';
import type { HostAdmin } from '../enrolment/start.ts';
import type { Inspect } from '../inspection/events.ts';
import type { Looks } from '../looks/looks.ts';
import { type ActionRoute, serveAction } from './actions.ts';
import { type Adopt, serveAdoption } from './adoption.ts';
import { type BackupOrders, findBackupOrder } from './backups.ts';
import { findEnrolment, serveEnrolment } from './enrolment.ts';
import type { ActionHandler, Dialect } from './handler.ts';
import { serveInspection } from './inspection.ts';
import { findLook, serveLook } from './looks.ts';
import { errorAnswer, type JsonAnswer, listOperations, oneOperation, sendJson } from './operations.ts';
import { Tombstones } from './tombstones.ts';

export interface ServerOptions {
  /** Path of the unix socket. */
  readonly socket: string;
  readonly handler: ActionHandler;
  /** undefined: inspections are not offered. */
  readonly inspect?: Inspect;
  /** undefined: what operators are shown is not offered. */
  readonly looks?: Looks;
  /** undefined: hosts are not enrolled. */
  readonly hostAdmin?: HostAdmin;
  /** undefined: datastores are not switched over. */
  readonly adopt?: Adopt;
  /** undefined: backups are not verified, and chains not reset. */
  readonly backups?: BackupOrders;
  readonly log: Logger;
  readonly dialect: Dialect;
  /** Rights of the socket file: 0o660. Whoever may open it may do everything the shims may. */
  readonly mode?: number;
}

export interface RunningServer {
  /** Calls that are being served. */
  readonly calls: () => number;
  /** Ends every connection without an exit code, so that the shims come back to the next controller, and removes the socket. */
  stop(): Promise<void>;
}

function targetOf(request: IncomingMessage): { segments: readonly string[]; flag: (name: string) => boolean } | undefined {
  try {
    const url = new URL(request.url ?? '/', 'http://onestorage');
    const flag = (name: string): boolean => (url.searchParams.get(name) ?? '0') !== '0';
    return { segments: url.pathname.split('/').slice(1).map(decodeURIComponent), flag };
  } catch {
    return undefined;
  }
}

/** Everything but the calls of shims. */
function answer(route: ActionRoute, method: string, area: string | undefined, rest: readonly string[], all: boolean): JsonAnswer {
  const [id] = rest;
  if (area === 'operations' && id === undefined) return listOperations(route.handler, method, all);
  if (area === 'operations' && id !== undefined && rest.length === 1) return oneOperation(route.handler, route.tombstones, method, id);
  if (area === 'health' && id === undefined && method === 'GET') return { status: 200, body: { ok: true, version: packageJson.version } };
  return errorAnswer('not_found', 'there is nothing at this address');
}

async function dispatch(
  route: ActionRoute,
  { inspect, looks, hostAdmin, adopt, backups }: Pick<ServerOptions, 'inspect' | 'looks' | 'hostAdmin' | 'adopt' | 'backups'>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const method = request.method ?? 'GET';
  const target = targetOf(request);
  const [version, area, ...rest] = target?.segments ?? [];
  const flag = target?.flag ?? (() => false);
  if (version !== 'v1') return sendJson(response, errorAnswer('not_found', 'there is nothing at this address'));
  const look = looks === undefined ? undefined : findLook(method, area, rest);
  const enrolment = hostAdmin === undefined ? undefined : findEnrolment(method, area, rest);
  const order = findBackupOrder(backups, method, area, rest);
  const [id = '', about] = rest;
  const ofDatastore = area === 'datastores' && rest.length === 2 && method === 'POST' ? about : undefined;
  if (look !== undefined && looks !== undefined) await serveLook(look, looks, rest, request, response);
  else if (enrolment !== undefined && hostAdmin !== undefined) await serveEnrolment(enrolment, hostAdmin, id, request, response);
  else if (order !== undefined) await order(flag, response);
  else if (area === 'actions' && rest.length === 3 && method === 'POST') await serveAction(route, request, response, rest);
  else if (ofDatastore === 'inspection' && inspect) await serveInspection(inspect, id, flag('repair'), response);
  else if (ofDatastore === 'adoption' && adopt) await serveAdoption(adopt, id, flag, response);
  else sendJson(response, answer(route, method, area, rest, flag('all')));
}

/**
 * The controller's HTTP server on a unix socket, for the shims and the admin's commands. Throws conflict: "another controller is running".
 * A client that goes away cancels nothing; DELETE does.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { handler, log, dialect } = options;
  let stopping = false;
  let calls = 0;
  const route: ActionRoute = { handler, log, dialect, tombstones: new Tombstones(), stopping: () => stopping };
  // A call may take hours: only its arrival has a limit.
  const server = createServer({ requestTimeout: 60_000, headersTimeout: 10_000, keepAliveTimeout: 1000 }, (request, response) => {
    calls += 1;
    response.on('error', () => undefined);
    request.on('error', () => undefined);
    dispatch(route, options, request, response)
      .catch((thrown: unknown) => {
        const error = asStorageError(thrown, `${request.method} ${request.url}`);
        log.error({ detail: error.detail }, error.message);
        sendJson(response, errorAnswer(error.reason, error.message));
      })
      .finally(() => {
        calls -= 1;
      });
  });
  const bound = await bindSocket(server, { path: options.socket, mode: options.mode ?? 0o660, owner: 'controller' });
  server.on('error', (error) => log.error({ error: error.message }, 'socket'));
  log.info({ socket: options.socket, dialect }, 'listening for shims');
  return {
    calls: () => calls,
    stop: async () => {
      if (stopping) return;
      stopping = true;
      await bound.release();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
