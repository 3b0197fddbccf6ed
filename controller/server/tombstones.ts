/** How many cancelled keys are remembered. */
const LIMIT = 1000;

/**
 * Keys that were cancelled before their call arrived. A shim that is stopped right after it sent its call sends the cancel on a second
 * connection, which may be served first; the call must not start after that.
 */
export class Tombstones {
  readonly #keys = new Set<string>();

  add(key: string): void {
    this.#keys.add(key);
    for (const oldest of this.#keys) {
      if (this.#keys.size <= LIMIT) break;
      this.#keys.delete(oldest);
    }
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }
}
