import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { formatDuration } from '../../runtime/units.ts';

const CLASSES = ['deploy', 'move', 'delete', 'image', 'backup'] as const;
export type AdmissionClass = (typeof CLASSES)[number];

export interface AdmissionLimits extends Readonly<Record<AdmissionClass, number>> {
  readonly per_host: { readonly [C in AdmissionClass]?: number | undefined };
}

export interface AdmissionRequest {
  readonly class: AdmissionClass;
  readonly hosts: readonly string[];
  /** For whoever waits behind it: `mv of VM 9 (operation …)`. */
  readonly holder: string;
}

interface Ticket extends AdmissionRequest {
  grant(): void;
}

/**
 * How many actions run at once, by class and by class and host, so that backups and deletes cannot starve deploys. In the order of arrival,
 * but one that waits for a host lets those pass that do not need that host.
 */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #running = new Set<Ticket>();
  #waiting: Ticket[] = [];

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /** Resolves with the release. Throws busy, naming what holds the slots, after `deadlineMs`; the signal's reason when it aborts. */
  enter(request: AdmissionRequest, deadlineMs: number, signal: AbortSignal, onWait: (holders: string) => void): Promise<() => void> {
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const settle = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        this.#waiting = this.#waiting.filter((other) => other !== ticket);
      };
      const onAbort = (): void => {
        settle();
        reject(asStorageError(signal.reason));
      };
      const ticket: Ticket = {
        ...request,
        grant: () => {
          settle();
          this.#running.add(ticket);
          resolve(() => {
            if (this.#running.delete(ticket)) this.#grantWaiting();
          });
        },
      };
      if (signal.aborted) {
        onAbort();
        return;
      }
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(ticket);
      this.#grantWaiting();
      if (!this.#waiting.includes(ticket)) return;
      onWait(this.#holders(ticket));
      timer = setTimeout(() => {
        settle();
        const text = `waited ${formatDuration(deadlineMs)} for one of the ${request.class} slots, held by ${this.#holders(ticket)}`;
        reject(new StorageError('busy', text));
      }, deadlineMs);
    });
  }

  /** How full every class is. */
  load(): readonly { readonly class: AdmissionClass; readonly slots: number; readonly running: number; readonly waiting: number }[] {
    const count = (tickets: Iterable<Ticket>, wanted: AdmissionClass): number =>
      [...tickets].filter((ticket) => ticket.class === wanted).length;
    return CLASSES.map((name) => ({
      class: name,
      slots: this.#limits[name],
      running: count(this.#running, name),
      waiting: count(this.#waiting, name),
    }));
  }

  #grantWaiting(): void {
    for (const ticket of [...this.#waiting]) if (this.#fits(ticket)) ticket.grant();
  }

  #fits(ticket: Ticket): boolean {
    const same = [...this.#running].filter((other) => other.class === ticket.class);
    const perHost = this.#limits.per_host[ticket.class] ?? Number.POSITIVE_INFINITY;
    if (same.length >= this.#limits[ticket.class]) return false;
    return ticket.hosts.every((host) => same.filter((other) => other.hosts.includes(host)).length < perHost);
  }

  #holders(ticket: Ticket): string {
    const same = [...this.#running].filter((other) => other.class === ticket.class);
    const shown = same.slice(0, 3).map((other) => other.holder);
    return `${shown.join(', ')}${same.length > shown.length ? ` and ${same.length - shown.length} more` : ''}`;
  }
}
