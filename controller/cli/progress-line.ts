import type { Progress } from '../../runtime/operations/types.ts';
import { pace, progressText } from './ops-table.ts';
import type { Screen } from './screen.ts';

/** Progress of one long command, on standard error: one line that is drawn over on a terminal, elsewhere a line for each step. */
export class ProgressLine {
  readonly #screen: Screen;
  readonly #createdAt: number;
  #step = '';
  #drawn = false;

  constructor(screen: Screen = process.stderr, createdAt = Date.now()) {
    this.#screen = screen;
    this.#createdAt = createdAt;
  }

  show(progress: Progress, now: number): void {
    if (this.#screen.isTTY !== true) {
      if (progress.step !== this.#step) this.#screen.write(`${progress.step}\n`);
      this.#step = progress.step;
      return;
    }
    const record = { progress, createdAt: this.#createdAt, finishedAt: undefined, figures: NO_FIGURES };
    const { rate, remaining } = pace(record, now, undefined);
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
