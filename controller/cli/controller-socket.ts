import { type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';
import { asStorageError, isReason, StorageError } from '../../runtime/errors.ts';

export const DEFAULT_SOCKET = '/run/onestorage/controller.sock';
/** Looks ask OpenNebula and all hosts before they answer. */
const TIMEOUT_MS = 45_000;

/** One request to the controller on this machine. Throws unavailable when none runs, else the controller's own error. */
export async function askController(socket: string, method: 'GET' | 'DELETE', path: string): Promise<unknown> {
  return await send(socket, method, path);
}

/** The same with the words of an action, as a shim sends them. */
export async function postForm(socket: string, path: string, argv: readonly string[], stdin: string): Promise<unknown> {
  const form = new FormData();
  for (const word of argv) form.append('argv', word);
  form.append('stdin', stdin);
  const encoded = new Response(form);
  const type = encoded.headers.get('content-type') ?? '';
  return await send(socket, 'POST', path, { type, bytes: Buffer.from(await encoded.arrayBuffer()) });
}

/** The same with a JSON document. */
export async function postJson(socket: string, path: string, value: unknown): Promise<unknown> {
  return await send(socket, 'POST', path, { type: 'application/json', bytes: Buffer.from(JSON.stringify(value)) });
}

interface Body {
  readonly type: string;
  readonly bytes: Buffer;
}

async function send(socket: string, method: string, path: string, content?: Body): Promise<unknown> {
  const { status, text } = await exchange(socket, method, path, content).catch((thrown: unknown) => {
    throw unanswered(socket, thrown);
  });
  const body = parse(text, socket);
  if (status < 400) return body;
  throw refusal(status, body);
}

/**
 * The same for an answer of one JSON document a line, which may take as long as it takes. Leaving the loop ends the request.
 */
async function* askForLines(socketPath: string, method: 'POST', path: string): AsyncGenerator<unknown> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ socketPath, method, path }, resolve).on('error', reject).end();
  }).catch((thrown: unknown) => {
    throw unanswered(socketPath, thrown);
  });
  // A connection that breaks ends the lines; whoever reads them misses the last one.
  response.on('error', () => undefined);
  const status = response.statusCode ?? 500;
  try {
    for await (const line of createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (line === '') continue;
      if (status >= 400) throw refusal(status, parse(line, socketPath));
      yield parse(line, socketPath);
    }
    if (status >= 400) throw refusal(status, undefined);
  } catch (thrown) {
    if (thrown instanceof StorageError) throw thrown;
    throw new StorageError('interrupted', 'the controller went away before it had answered', { cause: thrown });
  } finally {
    response.destroy();
  }
}

/** Events, until the line that says that it was the last one. Throws what the controller says of a failure; `what` was asked for. */
export async function* askForEvents(socket: string, path: string, what: string): AsyncGenerator<unknown> {
  for await (const line of askForLines(socket, 'POST', path)) {
    const type = field(line, 'type');
    if (type === 'end') return;
    if (type === 'failure') throw refusal(500, { error: line });
    yield line;
  }
  throw new StorageError('interrupted', `the controller stopped before ${what} ended`);
}

function unanswered(socket: string, thrown: unknown): StorageError {
  const code: unknown = thrown instanceof Error ? Reflect.get(thrown, 'code') : undefined;
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return new StorageError('unavailable', `no controller listens on ${socket}; start it, or name its socket with --socket`);
  }
  if (code === 'EACCES') return new StorageError('unavailable', `${socket} may not be opened by this user; run it as oneadmin`);
  return asStorageError(thrown, socket);
}

function refusal(status: number, body: unknown): StorageError {
  const error: unknown = field(body, 'error');
  const reason = field(error, 'reason');
  const message = field(error, 'message');
  return new StorageError(
    typeof reason === 'string' && isReason(reason) ? reason : 'internal',
    typeof message === 'string' ? message : `the controller answers HTTP ${status}`,
  );
}

export function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function parse(text: string, socket: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new StorageError('internal', `${socket} answers something that is not JSON`, { cause: thrown });
  }
}

function exchange(socketPath: string, method: string, path: string, content?: Body): Promise<{ status: number; text: string }> {
  const headers = content === undefined ? {} : { 'content-type': content.type, 'content-length': content.bytes.length };
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, method, path, headers, timeout: TIMEOUT_MS }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 500, text: Buffer.concat(parts).toString('utf8') }));
    });
    call.on('timeout', () => call.destroy(new StorageError('timeout', `the controller does not answer on ${socketPath}`)));
    call.on('error', reject);
    call.end(content?.bytes);
  });
}
