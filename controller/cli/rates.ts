import type { OperationRecord } from '../../runtime/operations/types.ts';

interface Seen {
  readonly totalBytes: number;
  readonly doneBytes: number;
  readonly at: number;
  readonly rate: number | undefined;
}

/** How much the newest look weighs: a rate that jumps cannot be read. */
const WEIGHT = 0.4;

/** What operations move per second, from one look to the next. One look alone knows only the average since the beginning. */
export class Rates {
  readonly #seen = new Map<string, Seen>();

  look(records: readonly Pick<OperationRecord, 'id' | 'progress'>[], now: number): void {
    const ids = new Set(records.map(({ id }) => id));
    for (const id of this.#seen.keys()) if (!ids.has(id)) this.#seen.delete(id);
    for (const { id, progress } of records) {
      if (progress === undefined) continue;
      const { totalBytes, doneBytes } = progress;
      const before = this.#seen.get(id);
      const seconds = before === undefined ? 0 : (now - before.at) / 1000;
      // What is begun again, or another thing, counts from anew. Of a directory the files follow each other, and the bytes go on.
      const isSame = before !== undefined && before.totalBytes === totalBytes && doneBytes >= before.doneBytes && seconds > 0;
      const latest = isSame ? (doneBytes - before.doneBytes) / seconds : undefined;
      const rate = latest === undefined || before?.rate === undefined ? latest : before.rate + WEIGHT * (latest - before.rate);
      this.#seen.set(id, { totalBytes, doneBytes, at: now, rate });
    }
  }

  /** Bytes per second; undefined: seen once only. */
  of(id: string): number | undefined {
    return this.#seen.get(id)?.rate;
  }
}
