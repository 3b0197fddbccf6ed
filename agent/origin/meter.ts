import type { OperationContext } from '../../runtime/operations/types.ts';
import { MIB } from '../../runtime/units.ts';

/** Often enough for a person, seldom enough for a journal. */
const EVERY_BYTES = 8 * MIB;

/** Counts raw bytes of an origin and reports them. */
export class Meter {
  readonly #step: string;
  readonly #total: number;
  readonly #context: Pick<OperationContext, 'report' | 'count'>;
  #done = 0;
  #reported = 0;

  constructor(step: string, total: number | undefined, context: Pick<OperationContext, 'report' | 'count'>) {
    this.#step = step;
    this.#total = total ?? 0;
    this.#context = context;
  }

  get done(): number {
    return this.#done;
  }

  add(count: number): void {
    this.#done += count;
    if (this.#done - this.#reported >= EVERY_BYTES) this.finish();
  }

  finish(): void {
    this.#context.count({ movedBytes: this.#done - this.#reported });
    this.#reported = this.#done;
    this.#context.report({ step: this.#step, doneBytes: this.#done, totalBytes: this.#total });
  }
}
