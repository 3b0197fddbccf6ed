import { setTimeout as sleep } from 'node:timers/promises';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import type { VmSizes } from '../../runtime/monitord/template.ts';
import { datastoreRoot } from '../backends/file/places.ts';
import { isDirectory, type Look } from './look.ts';
import { markedDatastores } from './marked.ts';
import { Pace } from './pace.ts';
import { type DatastoreMemory, measureDatastore } from './vm-sizes.ts';

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
  readonly #measuring = new Map<number, Promise<readonly VmSizes[]>>();
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
    await Promise.allSettled(this.#measuring.values());
  }

  /** What the last walk found in a datastore; nothing, when it is not ours or there was no walk yet. */
  sizesIn(datastoreId: number): readonly VmSizes[] {
    return this.#found.get(datastoreId) ?? [];
  }

  /** The same of all datastores. */
  sizes(): readonly VmSizes[] {
    return [...this.#found.values()].flat();
  }

  /**
   * What the disks of a datastore take, whoever looks after it: of one that is walked anyway what the last walk found, of any other measured now,
   * at the same pace and with what the last time found. Who asks meanwhile gets the same. Throws not_found when there is no such datastore.
   */
  async measure(datastoreId: number): Promise<readonly VmSizes[]> {
    const known = this.#found.get(datastoreId);
    if (known !== undefined) return known;
    const measuring = this.#measuring.get(datastoreId) ?? this.#measure(datastoreId).finally(() => this.#measuring.delete(datastoreId));
    this.#measuring.set(datastoreId, measuring);
    return await measuring;
  }

  /** Measures everything once, or waits for the walk that is under way. Throws when the datastores cannot be listed, or after stop(). */
  async walk(): Promise<void> {
    this.#walking ??= this.#walk().finally(() => {
      this.#walking = undefined;
    });
    await this.#walking;
  }

  async #measure(id: number): Promise<readonly VmSizes[]> {
    const root = datastoreRoot(this.#options.datastores, id);
    if (!(await isDirectory(root))) throw new StorageError('not_found', `there is no datastore ${id} at ${root}`);
    const memory = this.#memory.get(id) ?? new Map();
    const found = await measureDatastore(root, memory, this.#look(), this.#failed(id));
    this.#memory.set(id, memory);
    return found;
  }

  #look(): Look {
    const { now = Date.now } = this.#options;
    return { pace: this.#pace, signal: this.#ended.signal, now };
  }

  /** Whoever is told of a machine that cannot be measured. */
  #failed(datastore: number): (vm: number, error: StorageError) => void {
    return (vm, { message: error }) => this.#options.log.warn({ datastore, vm, error }, 'a virtual machine was not measured');
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
    const { datastores, drivers, log } = this.#options;
    const { signal } = this.#ended;
    const before = { looks: this.looks, at: performance.now() };
    const ids = await markedDatastores(datastores, drivers);
    const ours = new Set(ids);
    for (const id of [...this.#found.keys()]) if (!ours.has(id)) this.#forget(id);
    for (const id of ids) {
      const memory: DatastoreMemory = this.#memory.get(id) ?? new Map();
      try {
        this.#found.set(id, await measureDatastore(datastoreRoot(datastores, id), memory, this.#look(), this.#failed(id)));
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
