import { setTimeout as delay } from 'node:timers/promises';
import { asStorageError, type Reason, StorageError } from '../../runtime/errors.ts';
import type { Identity } from '../../runtime/identity/identity.ts';
import type { LogLevel } from '../../runtime/operations/types.ts';
import { abortError } from '../tools/run.ts';
import type { Entry } from './entries.ts';
import { type FetchSession, openSession, type SessionRequest } from './session.ts';

export interface SourceLinkOptions {
  readonly identity: Identity;
  /** Of this host, for messages. */
  readonly hostName: string;
  readonly request: SessionRequest;
  /** How long a source that cannot be reached is tried again. */
  readonly retryForMs: number;
  readonly signal: AbortSignal;
  readonly log: (level: LogLevel, text: string) => void;
}

/** What may be better the next time. `tool_failed`: nbdcopy lost its server, or a handshake failed. */
const PASSING: ReadonlySet<Reason> = new Set([
  'unreachable',
  'unavailable',
  'interrupted',
  'timeout',
  'busy',
  'tool_failed',
  'bad_checksum',
  'internal',
]);
/** Of these the cause may be here as well as there, so they are tried only so often while the source answers. */
const TRIES = 3;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

/** The way to the source: connects when it is needed, and again when it broke. */
export class SourceLink {
  readonly #options: SourceLinkOptions;
  #session: FetchSession | undefined;
  #expected: readonly Entry[] | undefined;

  constructor(options: SourceLinkOptions) {
    this.#options = options;
  }

  /** From now on the source must show this very manifest, or the transfer fails. */
  expect(entries: readonly Entry[]): void {
    this.#expected = entries;
  }

  /** Does `work`, again and again while what goes wrong may pass. It must be idempotent. */
  async retry<T>(work: (session: FetchSession) => Promise<T>): Promise<T> {
    const { signal, retryForMs, log } = this.#options;
    let since: number | undefined;
    let tries = 0;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      if (signal.aborted) throw abortError(signal);
      try {
        return await work(await this.#connect());
      } catch (thrown) {
        const error = asStorageError(thrown);
        if (signal.aborted) throw abortError(signal);
        if (!PASSING.has(error.reason)) throw error;
        since ??= Date.now();
        const connected = this.#session !== undefined && !this.#session.signal.aborted;
        tries += connected ? 1 : 0;
        if (tries >= TRIES || Date.now() + pause - since > retryForMs) throw this.#final(error);
        log('warn', `interrupted, trying again: ${error.message}`);
        await delay(pause, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  close(): void {
    this.#session?.close();
    this.#session = undefined;
  }

  async #connect(): Promise<FetchSession> {
    if (this.#session !== undefined && !this.#session.signal.aborted) return this.#session;
    this.close();
    const session = await openSession(this.#options.identity, this.#options.request, this.#options.signal);
    this.#session = session;
    const entries = await session.manifest;
    if (this.#expected !== undefined && !isSame(this.#expected, entries)) {
      throw new StorageError('transfer_failed', `the source on ${this.#options.request.ticket.hostName} changed while it was copied`);
    }
    return session;
  }

  #final(error: StorageError): StorageError {
    const { ticket } = this.#options.request;
    const kept: readonly Reason[] = ['unreachable', 'bad_checksum', 'busy', 'timeout'];
    const reason = kept.includes(error.reason) ? error.reason : 'transfer_failed';
    const detail = error.detail === undefined ? {} : { detail: error.detail };
    return new StorageError(reason, `transfer from ${ticket.hostName} to ${this.#options.hostName} failed: ${error.message}`, {
      ...detail,
      cause: error,
    });
  }
}

function isSame(before: readonly Entry[], now: readonly Entry[]): boolean {
  const text = (entries: readonly Entry[]): string =>
    entries.map(({ path, type, version, link }) => `${path}\0${type}\0${version}\0${link}`).join('\n');
  return text(before) === text(now);
}
