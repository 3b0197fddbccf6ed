import { StorageError } from '../errors.ts';
import type { Resource } from './types.ts';

interface Claim {
  readonly owner: string;
  readonly resources: readonly Resource[];
  grant(): void;
}

const PATH = 'path:';

/** Does holding the one keep the other out? A path also covers everything below it. */
export function collide(one: Resource, other: Resource): boolean {
  if (one === other) return true;
  if (!one.startsWith(PATH) || !other.startsWith(PATH)) return false;
  return one.startsWith(`${other}/`) || other.startsWith(`${one}/`);
}

function claimsCollide(one: Claim, other: Claim): boolean {
  return one.resources.some((mine) => other.resources.some((theirs) => collide(mine, theirs)));
}

/**
 * Who may work on what. A claim gets all its resources at once or waits, so no two claims can wait for each other; a later claim never
 * overtakes an earlier one that it collides with, so none waits for ever.
 */
export class Locks {
  readonly #held = new Set<Claim>();
  #waiting: Claim[] = [];

  /** Whose claims stand in the way of these resources now, held or waiting. */
  blockers(resources: readonly Resource[]): readonly string[] {
    const claim: Claim = { owner: '', resources, grant: () => undefined };
    return [...this.#held, ...this.#waiting].filter((other) => claimsCollide(claim, other)).map((other) => other.owner);
  }

  /** Resolves with the release, once all resources are free. An abort leaves the queue and throws the signal's reason. */
  acquire(owner: string, resources: readonly Resource[], signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting = this.#waiting.filter((other) => other !== claim);
        this.#grantWaiting();
        reject(signal.reason instanceof Error ? signal.reason : new StorageError('cancelled', 'cancelled while it waited'));
      };
      const claim: Claim = {
        owner,
        resources,
        grant: () => {
          signal.removeEventListener('abort', leave);
          resolve(() => {
            if (this.#held.delete(claim)) this.#grantWaiting();
          });
        },
      };
      if (signal.aborted) {
        leave();
        return;
      }
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(claim);
      this.#grantWaiting();
    });
  }

  #grantWaiting(): void {
    const passed: Claim[] = [];
    for (const claim of this.#waiting) {
      const blocked = [...this.#held, ...passed].some((other) => claimsCollide(claim, other));
      if (blocked) {
        passed.push(claim);
      } else {
        this.#held.add(claim);
        claim.grant();
      }
    }
    this.#waiting = passed;
  }
}
