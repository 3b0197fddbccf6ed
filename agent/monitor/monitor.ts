import { setTimeout as sleep } from 'node:timers/promises';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import { datastoreRoot } from '../backends/file/places.ts';
import { markedDatastores } from './marked.ts';
import { Pace } from './pace.ts';
import { type DatastoreMemory, measureDatastore, type VmSizes } from './vm-sizes.ts';

export interface MonitorOptions {
  /** Directory of the datastores. */
  readonly datastores: string;
  /** Markers that are ours. */
  readonly drivers: readonly string[];
  /** Pause between two walks. */
  readonly intervalMs: number;
  readonly statsPerSecond: number;
  readonly log: Logger;
  /** For tests. */
  readonly now?: () => number;
}

/**
 * Knows what the disks of this host's local system datastores take. It walks them again and again, one walk at a time; whoever asks gets what
 * the last walk found, at once.
 */
export class Monitor {
  readonly #options: MonitorOptions;
  readonly #ended = new AbortController();
  readonly #memory = new Map<number, DatastoreMemory>();
  readonly #found = new Map<number, readonly VmSizes[]>();
  readonly #pace: Pace;
  #walking: Promise<void> | undefined;
  #running: Promise<void> | undefined;

  constructor(options: MonitorOptions) {
    this.#options = options;
    this.#pace = new Pace(options.statsPerSecond);
  }

  /** How often the file system was looked at so far. */
  get looks(): number {
    return this.#pace.looks;
  }

  /** Walks from now on until stop(). */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends a walk at its next look. */
  async stop(): Promise<void> {
    this.#ended.abort(new StorageError('cancelled', 'the agent stops'));
    await this.#running;
    await this.#walking?.catch(() => undefined);
  }

  /** What the last walk found in a datastore; nothing, when it is not ours or there was no walk yet. */
  sizesIn(datastoreId: number): readonly VmSizes[] {
    return this.#found.get(datastoreId) ?? [];
  }

  /** The same of all datastores. */
  sizes(): readonly VmSizes[] {
    return [...this.#found.values()].flat();
  }

  /** Measures everything once, or waits for the walk that is under way. Throws when the datastores cannot be listed, or after stop(). */
  async walk(): Promise<void> {
    this.#walking ??= this.#walk().finally(() => {
      this.#walking = undefined;
    });
    await this.#walking;
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      try {
        await this.walk();
      } catch (thrown) {
        if (!signal.aborted) this.#options.log.warn({ error: asStorageError(thrown).message }, 'disks were not measured');
      }
      await sleep(this.#options.intervalMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #walk(): Promise<void> {
    const { datastores, drivers, log, now = Date.now } = this.#options;
    const { signal } = this.#ended;
    const before = { looks: this.looks, at: performance.now() };
    const ids = await markedDatastores(datastores, drivers);
    const ours = new Set(ids);
    for (const id of [...this.#found.keys()]) if (!ours.has(id)) this.#forget(id);
    for (const id of ids) {
      const memory: DatastoreMemory = this.#memory.get(id) ?? new Map();
      const failed = (vm: number, error: StorageError): void =>
        log.warn({ datastore: id, vm, error: error.message }, 'a virtual machine was not measured');
      try {
        this.#found.set(id, await measureDatastore(datastoreRoot(datastores, id), memory, { pace: this.#pace, signal, now }, failed));
        this.#memory.set(id, memory);
      } catch (thrown) {
        signal.throwIfAborted();
        // One file system that fails keeps the others from nothing; what it had is too old to be told.
        this.#forget(id);
        log.warn({ datastore: id, error: asStorageError(thrown).message }, 'a datastore was not measured');
      }
    }
    const milliseconds = Math.round(performance.now() - before.at);
    log.debug({ datastores: ids, vms: this.sizes().length, looks: this.looks - before.looks, milliseconds }, 'disks measured');
  }

  #forget(id: number): void {
    this.#found.delete(id);
    this.#memory.delete(id);
  }
}
