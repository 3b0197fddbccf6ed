import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { ControllerConfig } from '../config.ts';
import type { Host, HostDirectory } from '../hosts/directory.ts';

/** How long one host may keep an operator waiting. */
const HOST_MS = 5000;
/** TLS with hundreds of hosts at once would take longer than any of them may take, so that none got through; and again at the next try. */
const AT_ONCE = 32;

export interface Unanswered {
  readonly reason: string;
  readonly message: string;
}

export type Answer<T> =
  | { readonly host: Host; readonly value: T; readonly failure: undefined }
  | { readonly host: Host; readonly value: undefined; readonly failure: Unanswered };

/** The front-end and every configured host, each address once. */
export function configuredHosts(config: Pick<ControllerConfig, 'hosts'>, hosts: HostDirectory): readonly Host[] {
  const byAddress = new Map(
    [hosts.frontEnd, ...Object.keys(config.hosts).map((name) => hosts.find(name))].map((host) => [host.address, host]),
  );
  // The front-end is put in twice when it has a name in `hosts`; it stays what it is.
  return [...byAddress.values()].map((host) => (host.address === hosts.frontEnd.address ? hosts.frontEnd : host));
}

/** Is this the front-end, and no host of virtual machines? It is one when `hosts` has its address too. */
export function isOnlyFrontEnd(host: Host, config: Pick<ControllerConfig, 'hosts'>, { frontEnd, find }: HostDirectory): boolean {
  return host.address === frontEnd.address && !Object.keys(config.hosts).some((name) => find(name).address === host.address);
}

/** Asks 32 at a time; the order stays. A host that does not answer within 5 s is told of, and delays those behind it no longer. */
export async function askHosts<T>(
  hosts: readonly Host[],
  ask: (host: Host, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
  deadlineMs = HOST_MS,
): Promise<readonly Answer<T>[]> {
  const answers: Answer<T>[] = [];
  const waiting = hosts.entries();
  const askOneByOne = async (): Promise<void> => {
    for (const [index, host] of waiting) answers[index] = await askHost(host, ask, signal, deadlineMs);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, askOneByOne));
  return answers;
}

export async function askHost<T>(
  host: Host,
  ask: (host: Host, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
  deadlineMs = HOST_MS,
): Promise<Answer<T>> {
  const late = new AbortController();
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const error = new StorageError('timeout', `${host.name} (${host.address}) does not answer within ${deadlineMs / 1000} s`);
    late.abort(error);
    timeout.reject(error);
  }, deadlineMs);
  try {
    const value = await Promise.race([ask(host, AbortSignal.any([signal, late.signal])), timeout.promise]);
    return { host, value, failure: undefined };
  } catch (thrown) {
    signal.throwIfAborted();
    const { reason, message } = asStorageError(thrown);
    return { host, value: undefined, failure: { reason, message } };
  } finally {
    clearTimeout(timer);
  }
}
