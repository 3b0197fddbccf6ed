import type { IncomingMessage } from 'node:http';
import { StorageError } from '../../runtime/errors.ts';
import { formatBytes } from '../../runtime/units.ts';
import { get, type HttpTarget, networkError, TransientFailure } from './http-request.ts';
import { RestartNeeded, type RetryBudget, type Source } from './source.ts';

export interface HttpOptions {
  readonly signal: AbortSignal;
  readonly budget: RetryBudget;
  /** Told before every new try. */
  readonly onRetry?: (why: string) => void;
  /** A server that sends nothing for so long has failed; 60 s. */
  readonly idleMs?: number;
}

const IDLE_MS = 60_000;

/** What must stay the same for a transfer to go on in the middle. */
interface Identity {
  readonly sizeBytes: number | undefined;
  /** A strong ETag, or a Last-Modified that is one; undefined: cannot be resumed. */
  readonly validator: string | undefined;
}

/** Target of every request: signed ones are made anew, with the headers that are sent along. */
export type MakeTarget = (more: Readonly<Record<string, string>>) => HttpTarget;

/**
 * Opens a download. The bytes received are compared with Content-Length; a broken transfer goes on by Range where the server can and its file is
 * still the same one, else RestartNeeded tells to begin anew. One budget of tries for all requests.
 */
export async function openHttp(makeTarget: MakeTarget, options: HttpOptions): Promise<Source> {
  const { label } = makeTarget({});
  const first = await insist(() => request(makeTarget, {}, options), options);
  if (first.statusCode !== 200) {
    first.destroy();
    throw new StorageError('origin_failed', `${label}: the server sent a part that was not asked for`);
  }
  const download = new Download(makeTarget, first, options);
  return { label, sizeBytes: identityOf(first).sizeBytes, stream: download.read(), close: async () => download.close() };
}

function request(
  makeTarget: MakeTarget,
  more: Readonly<Record<string, string>>,
  { signal, idleMs = IDLE_MS }: HttpOptions,
): Promise<IncomingMessage> {
  return get(makeTarget(more), more, { signal, idleMs });
}

/** Tries again what may pass, as long as the budget lasts. */
async function insist<T>(attempt: () => Promise<T>, options: HttpOptions): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (thrown) {
      if (!(thrown instanceof TransientFailure)) throw thrown;
      await again(thrown, options);
    }
  }
}

async function again(failure: StorageError, { budget, signal, onRetry }: HttpOptions): Promise<void> {
  if (budget.spent) throw failure;
  onRetry?.(failure.message);
  await budget.take(signal);
}

class Download {
  readonly #makeTarget: MakeTarget;
  readonly #options: HttpOptions;
  readonly #label: string;
  readonly #identity: Identity;
  #response: IncomingMessage;
  #offset = 0;

  constructor(makeTarget: MakeTarget, first: IncomingMessage, options: HttpOptions) {
    this.#makeTarget = makeTarget;
    this.#options = options;
    this.#label = makeTarget({}).label;
    this.#response = first;
    this.#identity = identityOf(first);
  }

  close(): void {
    this.#response.destroy();
  }

  async *read(): AsyncGenerator<Buffer> {
    const { sizeBytes } = this.#identity;
    try {
      for (;;) {
        let failure: StorageError;
        try {
          yield* this.#body();
          if (sizeBytes === undefined || this.#offset === sizeBytes) return;
          failure = this.#early();
        } catch (thrown) {
          failure = networkError(this.#label, thrown, this.#options.signal);
          if (!(failure instanceof TransientFailure)) throw failure;
          if (sizeBytes === undefined || this.#offset < sizeBytes) failure = this.#early(failure);
        }
        await again(failure, this.#options);
        await this.#resume(failure);
      }
    } finally {
      this.close();
    }
  }

  #early(cause?: StorageError): TransientFailure {
    const { sizeBytes } = this.#identity;
    const of = sizeBytes === undefined ? '' : ` of ${sizeBytes}`;
    const why = cause === undefined ? '' : ` (${cause.message.replace(`${this.#label}: `, '')})`;
    return new TransientFailure('origin_failed', `${this.#label}: the download ended after ${this.#offset}${of} bytes${why}`, { cause });
  }

  /** The rest of the response. Only the time that we wait for the server counts as idle. */
  async *#body(): AsyncGenerator<Buffer> {
    const response = this.#response;
    const { idleMs = IDLE_MS } = this.#options;
    const chunks = response[Symbol.asyncIterator]();
    try {
      for (;;) {
        const timer = setTimeout(() => response.destroy(new Error(`no data for ${idleMs / 1000} s`)), idleMs);
        const next = await chunks.next().finally(() => clearTimeout(timer));
        if (next.done === true) return;
        const chunk = next.value as Buffer;
        this.#offset += chunk.length;
        yield chunk;
      }
    } finally {
      response.destroy();
    }
  }

  async #resume(failure: StorageError): Promise<void> {
    const { validator } = this.#identity;
    const offset = this.#offset;
    if (offset === 0 || validator === undefined) throw new RestartNeeded(failure.reason, failure.message);
    const more = { range: `bytes=${offset}-`, 'if-range': validator };
    this.#response = await insist(() => request(this.#makeTarget, more, this.#options), this.#options);
    if (this.#continues(this.#response)) return;
    this.#response.destroy();
    const text = `${this.#label}: the server cannot continue after ${formatBytes(offset)}, or its file changed`;
    throw new RestartNeeded('origin_failed', text);
  }

  #continues(response: IncomingMessage): boolean {
    const { sizeBytes, validator } = this.#identity;
    const [, from, to, all] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/u.exec(response.headers['content-range'] ?? '') ?? [];
    if (response.statusCode !== 206 || Number(from) !== this.#offset) return false;
    if (sizeBytes !== undefined && (Number(to) !== sizeBytes - 1 || (all !== '*' && Number(all) !== sizeBytes))) return false;
    const now = identityOf(response).validator;
    return now === undefined || now === validator;
  }
}

function identityOf(response: IncomingMessage): Identity {
  const { 'content-length': length, etag, 'last-modified': modified, date } = response.headers;
  const size = length === undefined ? Number.NaN : Number(length);
  const strong = etag?.startsWith('"') ? etag : undefined;
  // A file that was changed twice in one second has the same Last-Modified: only an older one identifies it (RFC 9110, 8.8.2.2).
  const settled = modified !== undefined && date !== undefined && Date.parse(date) - Date.parse(modified) >= 1000;
  return { sizeBytes: Number.isSafeInteger(size) ? size : undefined, validator: strong ?? (settled ? modified : undefined) };
}
