import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { getCACertificates } from 'node:tls';
import { oneLine, plainNetworkText, StorageError } from '../../runtime/errors.ts';
import { abortError } from '../tools/run.ts';

/** The request failed in a way that another try may not. */
export class TransientFailure extends StorageError {}

/** Where to ask, and what to send there. `headers` go to the origin of `url` and nowhere else. */
export interface HttpTarget {
  readonly url: URL;
  /** For messages; holds no secret. */
  readonly label: string;
  readonly headers: Readonly<Record<string, string>>;
  /** false: a redirect is an error (signed requests). */
  readonly redirects: boolean;
}

const REDIRECTS = 10;
const REDIRECT_CODES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const TRANSIENT_CODES: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * GET that follows at most 10 redirects, http to http or https and https to https only; headers of the target are not sent to another origin.
 * TLS is verified against Node's authorities and the host's own. Proxies come from HTTP_PROXY, HTTPS_PROXY and NO_PROXY. Gives a response with
 * status 200 or 206; everything else is `origin_failed` or `not_found`.
 */
export async function get(
  target: HttpTarget,
  more: Readonly<Record<string, string>>,
  options: { readonly signal: AbortSignal; readonly idleMs: number },
): Promise<IncomingMessage> {
  let url = target.url;
  for (let redirects = 0; ; redirects += 1) {
    const own = url.origin === target.url.origin ? target.headers : {};
    const headers = { 'user-agent': 'onestorage', accept: '*/*', 'accept-encoding': 'identity', ...more, ...own };
    const response = await send(url, headers, target.label, options);
    const status = response.statusCode ?? 0;
    if (status === 200 || status === 206) return response;
    const location = response.headers.location;
    response.destroy();
    if (!REDIRECT_CODES.has(status) || location === undefined) throw refusal(target.label, status);
    if (!target.redirects)
      throw new StorageError('origin_failed', `${target.label}: the server sends the request elsewhere; check region and endpoint`);
    if (redirects === REDIRECTS) throw new StorageError('origin_failed', `${target.label}: more than ${REDIRECTS} redirects`);
    url = redirected(url, location, target.label);
  }
}

function redirected(from: URL, location: string, label: string): URL {
  const to = URL.parse(location, from.href);
  const allowed = to !== null && (to.protocol === 'https:' || (to.protocol === 'http:' && from.protocol === 'http:'));
  if (allowed) {
    to.username = '';
    to.password = '';
    return to;
  }
  const scheme = to === null ? 'an address that is none' : to.protocol.slice(0, 40);
  throw new StorageError('origin_failed', `${label}: redirected from ${from.protocol} to ${scheme}, which is not followed`);
}

function refusal(label: string, status: number): StorageError {
  if (TRANSIENT_CODES.has(status)) return new TransientFailure('origin_failed', `${label}: the server answered ${status}`);
  if (status === 404 || status === 410)
    return new StorageError('not_found', `${label}: the server answered ${status}, there is no such file`);
  if (status === 401 || status === 403)
    return new StorageError('origin_failed', `${label}: the server answered ${status}, it refuses access`);
  return new StorageError('origin_failed', `${label}: the server answered ${status}`);
}

function send(
  url: URL,
  headers: Readonly<Record<string, string>>,
  label: string,
  { signal, idleMs }: { readonly signal: AbortSignal; readonly idleMs: number },
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const secure = url.protocol === 'https:';
    const options = { headers, signal, timeout: idleMs, agent: secure ? tlsAgent() : plainAgent() };
    const request = secure ? tlsRequest(url, options) : plainRequest(url, options);
    request.once('response', (response) => {
      // From here on the reader of the body watches the time: a socket that waits for a slow disk is not idle.
      request.setTimeout(0);
      response.on('error', () => undefined);
      resolve(response);
    });
    request.on('timeout', () => request.destroy(new Error(`no answer in ${idleMs / 1000} s`)));
    request.on('error', (thrown) => reject(networkError(label, thrown, signal)));
    request.end();
  });
}

function plainAgent(): PlainAgent {
  return new PlainAgent({ keepAlive: false, proxyEnv: process.env });
}

function tlsAgent(): TlsAgent {
  const ca = [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];
  return new TlsAgent({ keepAlive: false, proxyEnv: process.env, ca, rejectUnauthorized: true });
}

/** What went wrong below HTTP. A certificate that is not trusted will not be trusted at the next try. */
export function networkError(label: string, thrown: unknown, signal: AbortSignal): StorageError {
  if (signal.aborted) return abortError(signal);
  if (thrown instanceof StorageError) return thrown;
  const code: unknown = thrown instanceof Error ? Reflect.get(thrown, 'code') : undefined;
  const word = typeof code === 'string' ? code : '';
  const text = thrown instanceof Error ? oneLine(thrown.message) : String(thrown);
  if (/CERT|SIGNATURE|SELF_SIGNED|CRL|ERR_TLS/u.test(word)) {
    return new StorageError(
      'origin_failed',
      `${label}: its certificate is not trusted (${word}); install its authority on this host, or use the right name`,
    );
  }
  return new TransientFailure('origin_failed', `${label}: ${plainNetworkText(text === '' ? word : text)}`);
}
