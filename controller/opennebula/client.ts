import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { asStorageError, plainNetworkText, StorageError } from '../../runtime/errors.ts';
import { type VmDocument, vmDocument } from './vm-document.ts';
import { MAX_XML_CHARACTERS, readXml, type XmlElement } from './xml.ts';
import { methodCall, methodResult, type XmlRpcValue } from './xml-rpc.ts';

export interface OpenNebulaOptions {
  readonly endpoint: string;
  /** Its first line is `user:password` (ONE_AUTH). Read for each call: a changed password needs no restart. */
  readonly authFile: string;
  readonly timeoutMs: number;
  /** Pause before the one retry of a refused connection: oned restarts. */
  readonly retryAfterMs?: number;
}

/** What flows ask OpenNebula: one call an action, mostly. */
export interface OpenNebula {
  vm(id: number, signal: AbortSignal): Promise<VmDocument>;
  image(id: number, signal: AbortSignal): Promise<XmlElement>;
  /** With its secrets in the clear: oneadmin may ask for them. */
  datastore(id: number, signal: AbortSignal): Promise<XmlElement>;
}

/** OpenNebula by XML-RPC. Throws opennebula_unavailable or not_found. */
export function openNebula(options: OpenNebulaOptions): OpenNebula {
  return {
    vm: async (id, signal) => vmDocument(await askOpenNebula(options, 'one.vm.info', [id], signal)),
    image: (id, signal) => askOpenNebula(options, 'one.image.info', [id], signal),
    datastore: (id, signal) => askOpenNebula(options, 'one.datastore.info', [id, true], signal),
  };
}

/** One call; `parameters` without the session. Throws opennebula_unavailable or not_found. */
export async function askOpenNebula(
  options: OpenNebulaOptions,
  method: string,
  parameters: readonly XmlRpcValue[],
  signal: AbortSignal,
): Promise<XmlElement> {
  const answer = await orderOpenNebula(options, method, parameters, signal);
  return readXml(answer, `the document of ${method} ${parameters.join(' ')}`);
}

/** One call that gives a word, not a document: `session` undefined is that of ONE_AUTH. Throws opennebula_refused for what is not allowed, too. */
export async function orderOpenNebula(
  options: OpenNebulaOptions,
  method: string,
  parameters: readonly XmlRpcValue[],
  signal: AbortSignal,
  session?: string,
): Promise<string> {
  return methodResult(method, await call(options, method, [session ?? (await readSession(options.authFile)), ...parameters], signal));
}

async function call(options: OpenNebulaOptions, method: string, parameters: readonly XmlRpcValue[], signal: AbortSignal): Promise<string> {
  const body = methodCall(method, parameters);
  try {
    return await post(options, method, body, signal);
  } catch (thrown) {
    if (!refused(thrown)) throw failure(options, thrown, signal);
  }
  try {
    await sleep(options.retryAfterMs ?? 1000, undefined, { signal });
    return await post(options, method, body, signal);
  } catch (thrown) {
    throw failure(options, thrown, signal);
  }
}

async function post(options: OpenNebulaOptions, method: string, body: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(options.endpoint, {
    method: 'POST',
    headers: { 'content-type': 'text/xml' },
    body,
    redirect: 'error',
    signal: AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)]),
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new StorageError('opennebula_unavailable', `${method}: ${options.endpoint} answers HTTP ${response.status}`);
  }
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    // Markup inside the answer is escaped, so it is longer than the document it holds.
    if (size > 2 * MAX_XML_CHARACTERS) throw new StorageError('opennebula_unavailable', `${method}: the answer is larger than 32 MiB`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** The first line of a file with `user:password`; `what` names it in errors. */
export async function readSession(file: string, what = 'ONE_AUTH'): Promise<string> {
  try {
    const session = (await readFile(file, 'utf8')).split('\n')[0]?.trim() ?? '';
    if (session.includes(':')) return session;
  } catch (thrown) {
    throw new StorageError('opennebula_unavailable', `${what}: ${asStorageError(thrown).message}`, { cause: thrown });
  }
  throw new StorageError('opennebula_unavailable', `${what}: ${file} does not begin with user:password`);
}

function codeOf(thrown: unknown): string {
  const cause: unknown = thrown instanceof Error ? (thrown.cause ?? thrown) : thrown;
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  const code: unknown = first instanceof Error ? Reflect.get(first, 'code') : undefined;
  return typeof code === 'string' ? code : '';
}

function refused(thrown: unknown): boolean {
  return codeOf(thrown) === 'ECONNREFUSED';
}

function failure(options: OpenNebulaOptions, thrown: unknown, signal: AbortSignal): StorageError {
  if (thrown instanceof StorageError) return thrown;
  if (signal.aborted) return asStorageError(signal.reason);
  const timedOut = thrown instanceof Error && thrown.name === 'TimeoutError';
  const why = timedOut ? `no answer in ${options.timeoutMs / 1000} s` : plainNetworkText(codeOf(thrown)) || asStorageError(thrown).message;
  return new StorageError('opennebula_unavailable', `OpenNebula at ${options.endpoint} cannot be reached: ${why}`, { cause: thrown });
}
