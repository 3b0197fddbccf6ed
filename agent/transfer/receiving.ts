import type { OperationContext } from '../../runtime/operations/types.ts';
import type { Located, PlaceOf } from '../backends/file/places.ts';
import type { AgentContext } from '../context.ts';
import type { Entry, SourceInput } from './entries.ts';
import { requireSpace } from './space.ts';

/** One transfer, as its receiver knows it. */
export interface Receiving {
  readonly agent: AgentContext;
  readonly context: OperationContext;
  readonly source: SourceInput;
  readonly kind: 'disk' | 'directory';
  /** Entries to be made here, empty, are expected: a running guest is to come. */
  readonly images?: boolean;
  readonly place: PlaceOf;
  readonly target: Located;
  /** Directory that gets the entries; it is on the file system of the target. */
  readonly into: string;
  readonly preallocate: boolean;
  /** What is needed beside the copy itself, for a copy of so many bytes. */
  readonly extraBytes: (copied: number) => number;
}

/** Progress of all files of one transfer together. */
export class Tally {
  readonly #context: OperationContext;
  readonly #total: number;
  #done = 0;

  constructor(context: OperationContext, total: number) {
    this.#context = context;
    this.#total = total;
  }

  /** `part`: 0 to 1 of this file. */
  report(entry: Entry, part: number): void {
    const doneBytes = Math.round(this.#done + entry.allocatedBytes * part);
    this.#context.report({ step: `copy ${entry.path}`, doneBytes, totalBytes: this.#total });
  }

  finish(entry: Entry): void {
    this.#done += entry.allocatedBytes;
    this.report(entry, 0);
  }
}

export function filesOf<E extends Entry>(entries: readonly E[]): readonly E[] {
  return entries.filter(({ type }) => type === 'file');
}

/** What files to be copied take, and what the hypervisor will write into images. */
export function sum(entries: readonly Entry[], preallocate: boolean): number {
  return entries.reduce((total, { sizeBytes, allocatedBytes }) => total + (preallocate ? sizeBytes : allocatedBytes), 0);
}

export async function requireRoom({ agent, target, place, preallocate, extraBytes }: Receiving, entries: readonly Entry[]): Promise<void> {
  const copied = sum(entries, preallocate);
  const where = { datastoreId: place.datastoreId, hostName: agent.hostName };
  await requireSpace(target.directory, copied + extraBytes(copied), where);
}
