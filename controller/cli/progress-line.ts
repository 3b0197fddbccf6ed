import type { Progress } from '../../runtime/operations/types.ts';
import { pace, progressText } from './ops-table.ts';
import { Rates } from './rates.ts';
import type { Screen } from './screen.ts';

/** Progress of one long command: one line that is drawn over on a terminal, elsewhere a line for each step. */
export class ProgressLine {
  readonly #screen: Screen;
  readonly #rates = new Rates();
  #step = '';
  #drawn = false;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** `createdAt`: of what is followed. */
  show(progress: Progress, now: number, createdAt: number): void {
    if (this.#screen.isTTY !== true) {
      if (progress.step !== this.#step) this.#screen.write(`${progress.step}\n`);
      this.#step = progress.step;
      return;
    }
    this.#rates.look([{ id: '', progress }], now);
    const record = { progress, createdAt, finishedAt: undefined, figures: NO_FIGURES };
    const { rate, remaining } = pace(record, now, this.#rates.of(''));
    const text = [progress.step, progressText(record), rate, remaining === '' ? '' : `${remaining} left`].filter(Boolean).join('  ');
    this.#screen.write(`\r\u001b[K${text.slice(0, (this.#screen.columns ?? 80) - 1)}`);
    this.#drawn = true;
  }

  /** A line that stays. */
  say(text: string): void {
    this.clear();
    this.#screen.write(`${text}\n`);
  }

  clear(): void {
    if (this.#drawn) this.#screen.write('\r\u001b[K');
    this.#drawn = false;
  }
}

const NO_FIGURES = { movedBytes: 0, skippedBytes: 0, verifiedBytes: 0, processes: 0 } as const;
