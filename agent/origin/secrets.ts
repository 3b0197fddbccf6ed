import { setTimeout as sleep } from 'node:timers/promises';
import type { Secret } from './origin.ts';

/** An operation that waits for hours for its place must find its secret; a leak must not grow for ever. */
const MOST = 1000;
const POLL_MS = 100;

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

  /** As get; after a restart of the agent whoever asked for the operation asks again, and brings the secret. undefined: not in time. */
  async wait(operationId: string, patienceMs: number, signal?: AbortSignal): Promise<Secret | undefined> {
    for (const deadline = Date.now() + patienceMs; ; ) {
      const held = this.#held.get(operationId);
      if (held !== undefined || Date.now() > deadline) return held;
      await sleep(POLL_MS, undefined, signal === undefined ? {} : { signal });
    }
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
