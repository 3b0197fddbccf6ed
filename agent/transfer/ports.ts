import { StorageError } from '../../runtime/errors.ts';

/** The ports of one agent for bulk data. */
export class Ports {
  readonly #first: number;
  readonly #last: number;
  readonly #taken = new Set<number>();
  #next: number;

  constructor(range: { readonly first: number; readonly last: number }) {
    this.#first = range.first;
    this.#last = range.last;
    // Agents that share a machine start at different places.
    this.#next = range.first + (process.pid % (range.last - range.first + 1));
  }

  /**
   * Calls `listen` with free ports until it does not throw `in_use`: another program may have one. The port is held until `free`.
   * Error: busy, when none is left.
   */
  async claim<T>(listen: (port: number) => Promise<T>): Promise<{ readonly port: number; readonly value: T; free(): void }> {
    const count = this.#last - this.#first + 1;
    for (let tried = 0; tried < count; tried += 1) {
      const port = this.#next;
      this.#next = port >= this.#last ? this.#first : port + 1;
      if (this.#taken.has(port)) continue;
      this.#taken.add(port);
      const free = (): void => {
        this.#taken.delete(port);
      };
      try {
        return { port, value: await listen(port), free };
      } catch (thrown) {
        free();
        if (!(thrown instanceof StorageError && thrown.reason === 'in_use')) throw thrown;
      }
    }
    throw new StorageError('busy', `all data ports from ${this.#first} to ${this.#last} are in use`);
  }
}
