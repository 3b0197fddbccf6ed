import type { FetchEvent__Output } from '../../proto/gen/onestorage/v1/FetchEvent.ts';
import type { FetchRequest } from '../../proto/gen/onestorage/v1/FetchRequest.ts';
import type { ManifestEntry__Output } from '../../proto/gen/onestorage/v1/ManifestEntry.ts';
import { openChannel, openDuplex } from '../../runtime/channel.ts';
import { StorageError } from '../../runtime/errors.ts';
import type { Identity } from '../../runtime/identity/identity.ts';
import type { PlaceOf } from '../backends/file/places.ts';
import { Entry } from './entries.ts';

export interface SessionRequest {
  readonly ticket: { readonly capability: string; readonly address: string; readonly hostName: string; readonly machineId: string };
  readonly bytesPerSecond: number;
  readonly target: PlaceOf;
  readonly stage: PlaceOf;
}

export interface RemoteEntry extends Entry {
  /** Of a small file. */
  readonly content: Buffer | undefined;
}

export interface OpenedExport {
  readonly port: number;
  readonly exportName: string;
}

/** The receiver's end of one fetch. Every promise of it fails when the stream breaks; then a new session goes on. */
export class FetchSession {
  /** Resolves once, at the source's first answer. */
  readonly manifest: Promise<readonly RemoteEntry[]>;
  readonly #manifest = Promise.withResolvers<readonly RemoteEntry[]>();
  readonly #exports = new Map<number, PromiseWithResolvers<OpenedExport>>();
  readonly #digests = new Map<number, PromiseWithResolvers<string>>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #send: (request: FetchRequest) => Promise<void>;
  readonly #close: () => void;
  readonly #broken = new AbortController();
  readonly #sourceName: string;
  #failure: StorageError | undefined;

  constructor(sourceName: string, send: (request: FetchRequest) => Promise<void>, close: () => void) {
    this.#sourceName = sourceName;
    this.#send = send;
    this.#close = close;
    this.manifest = this.#manifest.promise;
    for (const promise of [this.manifest, this.#ended.promise]) promise.catch(() => undefined);
  }

  /** Aborts when the stream breaks, so that a copy does not go on without its source. */
  get signal(): AbortSignal {
    return this.#broken.signal;
  }

  /** Reads what the source says until the end of the stream. Never rejects. */
  async follow(events: AsyncIterable<FetchEvent__Output>): Promise<void> {
    try {
      for await (const event of events) this.#take(event);
      this.#ended.resolve();
      this.fail(new StorageError('interrupted', 'the source ended the transfer'));
    } catch (thrown) {
      this.fail(thrown instanceof StorageError ? this.#named(thrown) : new StorageError('interrupted', String(thrown), { cause: thrown }));
    }
  }

  #take(event: FetchEvent__Output): void {
    if (event.manifest) this.#manifest.resolve(event.manifest.entries.map(fromWire));
    if (event.export) this.#slot(this.#exports, event.export.entry).resolve(event.export);
    if (event.digest) this.#slot(this.#digests, event.digest.entry).resolve(event.digest.digest);
  }

  /** What the source says of its own files must not read as if it were said of this host. */
  #named(error: StorageError): StorageError {
    if (error.message.includes(this.#sourceName)) return error;
    const detail = error.detail === undefined ? {} : { detail: error.detail };
    return new StorageError(error.reason, `${error.message} (on ${this.#sourceName})`, { ...detail, cause: error });
  }

  fail(error: StorageError): void {
    this.#failure ??= error;
    this.#broken.abort(this.#failure);
    this.#manifest.reject(error);
    this.#ended.reject(error);
    for (const slot of [...this.#exports.values(), ...this.#digests.values()]) slot.reject(error);
  }

  #slot<T>(map: Map<number, PromiseWithResolvers<T>>, entry: number): PromiseWithResolvers<T> {
    const known = map.get(entry);
    if (known !== undefined) return known;
    const slot = Promise.withResolvers<T>();
    slot.promise.catch(() => undefined);
    if (this.#failure !== undefined) slot.reject(this.#failure);
    map.set(entry, slot);
    return slot;
  }

  /** Asks for an export of a file; again for a new one when the old one broke. */
  async want(entry: number): Promise<OpenedExport> {
    this.#exports.delete(entry);
    const { promise } = this.#slot(this.#exports, entry);
    await this.#send({ want: entry });
    return await promise;
  }

  async digest(entry: number): Promise<string> {
    return await this.#slot(this.#digests, entry).promise;
  }

  async done(entry: number): Promise<void> {
    await this.#send({ done: entry });
  }

  /** Error transfer_failed when a file changed at the source meanwhile. */
  async finish(): Promise<void> {
    await this.#send({ finished: true });
    await this.#ended.promise;
  }

  close(): void {
    this.#close();
  }
}

/** Connects to the source with the capability. The source must be the machine the ticket names. */
export async function openSession(identity: Identity, request: SessionRequest, signal: AbortSignal): Promise<FetchSession> {
  const { address, hostName, machineId, capability } = request.ticket;
  const channel = openChannel(address, identity, { hostName, machineId });
  try {
    const stream = await openDuplex(channel.client('Transfers'), 'Fetch', { signal });
    const session = new FetchSession(
      hostName,
      (message) => stream.send(message),
      () => {
        stream.cancel();
        channel.close();
      },
    );
    void session.follow(stream.messages);
    await stream.send({ begin: { capability, bytesPerSecond: request.bytesPerSecond, target: request.target, stage: request.stage } });
    return session;
  } catch (thrown) {
    channel.close();
    throw thrown;
  }
}

function fromWire(entry: ManifestEntry__Output): RemoteEntry {
  const parsed = Entry.safeParse({ ...entry, modified: entry.modifiedUnixMs });
  if (!parsed.success) throw new StorageError('transfer_failed', `the source sent a manifest that cannot be used: '${entry.path}'`);
  return { ...parsed.data, content: entry._content === 'content' ? entry.content : undefined };
}
