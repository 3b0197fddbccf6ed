import type { OperationEvent } from './types.ts';

/** Lines kept for whoever attaches later. */
const KEPT_LINES = 200;

/** The events of one operation: remembers the last lines for late listeners, and ends with the outcome. */
export class EventLog {
  #lines: OperationEvent[] = [];
  #progress: OperationEvent | undefined;
  #ending: OperationEvent | undefined;
  readonly #listeners = new Set<() => void>();
  readonly #queues = new Set<OperationEvent[]>();

  push(event: OperationEvent): void {
    if (this.#ending !== undefined) return;
    if (event.type === 'log') this.#lines = [...this.#lines.slice(1 - KEPT_LINES), event];
    else if (event.type === 'progress') this.#progress = event;
    else this.#ending = event;
    for (const queue of this.#queues) {
      // A slow reader needs only the last progress, not each of them.
      if (event.type === 'progress' && queue.at(-1)?.type === 'progress') queue.pop();
      queue.push(event);
    }
    for (const wake of this.#listeners) wake();
  }

  /** All kept events and then the new ones, up to and with the outcome. Ends quietly when the signal aborts. */
  async *read(signal: AbortSignal): AsyncGenerator<OperationEvent> {
    const queue = [...this.#lines, ...[this.#progress, this.#ending].filter((event) => event !== undefined)];
    let wake: () => void = () => undefined;
    const listener = (): void => wake();
    this.#queues.add(queue);
    this.#listeners.add(listener);
    signal.addEventListener('abort', listener);
    try {
      while (!signal.aborted) {
        const event = queue.shift();
        if (event === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        yield event;
        if (event.type === 'success' || event.type === 'failure') return;
      }
    } finally {
      this.#queues.delete(queue);
      this.#listeners.delete(listener);
      signal.removeEventListener('abort', listener);
    }
  }
}
