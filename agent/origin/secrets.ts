import type { Secret } from './origin.ts';

/** An operation that waits for hours for its place must find its secret; a leak must not grow for ever. */
const MOST = 1000;

/** Secrets of operations that are under way: in memory alone, so an operation cannot go on with them after a restart. */
export class Secrets {
  readonly #held = new Map<string, Secret>();

  put(operationId: string, secret: Secret): void {
    this.#held.delete(operationId);
    this.#held.set(operationId, secret);
    const oldest = this.#held.keys().next();
    if (this.#held.size > MOST && oldest.done !== true) this.#held.delete(oldest.value);
  }

  get(operationId: string): Secret | undefined {
    return this.#held.get(operationId);
  }

  drop(operationId: string): void {
    this.#held.delete(operationId);
  }
}

const ofAgent = new WeakMap<object, Secrets>();

/** The secrets of one agent: its service puts them in, its operations take them out. */
export function secretsOf(agent: object): Secrets {
  const known = ofAgent.get(agent) ?? new Secrets();
  ofAgent.set(agent, known);
  return known;
}
