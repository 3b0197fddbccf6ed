import { request } from 'node:http';
import { asStorageError, isReason, StorageError } from '../../runtime/errors.ts';

export const DEFAULT_SOCKET = '/run/onestorage/controller.sock';
const TIMEOUT_MS = 10_000;

/** One request to the controller on this machine. Throws unavailable when none runs, else the controller's own error. */
export async function askController(socket: string, method: 'GET' | 'DELETE', path: string): Promise<unknown> {
  const { status, text } = await exchange(socket, method, path).catch((thrown: unknown) => {
    const code: unknown = thrown instanceof Error ? Reflect.get(thrown, 'code') : undefined;
    if (code === 'ENOENT' || code === 'ECONNREFUSED') {
      throw new StorageError('unavailable', `no controller listens on ${socket}; start it, or name its socket with --socket`);
    }
    if (code === 'EACCES') throw new StorageError('unavailable', `${socket} may not be opened by this user; run it as oneadmin`);
    throw asStorageError(thrown, socket);
  });
  const body = parse(text, socket);
  if (status < 400) return body;
  const error: unknown = field(body, 'error');
  const reason = field(error, 'reason');
  const message = field(error, 'message');
  throw new StorageError(
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

function exchange(socketPath: string, method: string, path: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, method, path, timeout: TIMEOUT_MS }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 500, text: Buffer.concat(parts).toString('utf8') }));
    });
    call.on('timeout', () => call.destroy(new StorageError('timeout', `the controller does not answer on ${socketPath}`)));
    call.on('error', reject);
    call.end();
  });
}
