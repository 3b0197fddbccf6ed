import { ServerInterceptingCall, type ServerInterceptor, status } from '@grpc/grpc-js';
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js/build/src/server-interceptors.js';
import type { Peer } from '../identity/peer.ts';
import { peerOf } from '../identity/peer.ts';
import type { Audit } from './log.ts';

const PACKAGE = '/onestorage.v1.';

/**
 * Writes down every call: one that starts or cancels an operation when its request is there (`begin`), and each when it ends, refused ones
 * too (`end`). It stands before all other interceptors, nearest to the wire.
 */
export function auditInterceptor(audit: Audit): ServerInterceptor {
  return ({ path }, call) => {
    const written = new AuditedCall(audit, path.startsWith(PACKAGE) ? path.slice(PACKAGE.length) : path, call);
    return new ServerInterceptingCall(call, {
      start: (next) => {
        next({
          onReceiveMessage: (message: unknown, proceed) => {
            written.request(message);
            proceed(message);
          },
          onCancel: () => written.end('cancelled'),
        });
      },
      sendMessage: (message: unknown, next) => {
        written.answer(message);
        next(message);
      },
      sendStatus: (answer, next) => {
        const reason = answer.metadata?.get('onestorage-reason')[0] ?? status[answer.code ?? status.UNKNOWN]?.toLowerCase();
        written.end(answer.code === status.OK ? undefined : String(reason));
        next(answer);
      },
    });
  };
}

class AuditedCall {
  readonly #audit: Audit;
  readonly #facts: { readonly method: string; readonly role: string | undefined; readonly host: string | undefined; readonly peer: string };
  #operation: { readonly operation?: string; readonly subject?: string } = {};
  #failure: string | undefined;
  #begun = false;
  #ended = false;

  constructor(audit: Audit, method: string, call: ServerInterceptingCallInterface) {
    this.#audit = audit;
    const subject = subjectOf(call);
    this.#facts = { method, role: subject?.role, host: subject?.hostName, peer: call.getPeer() };
  }

  request(message: unknown): void {
    if (this.#begun || this.#ended) return;
    const header = field(message, 'operation');
    const operation = text(field(header, 'operationId')) ?? text(field(message, 'operationId'));
    if (operation === undefined) return;
    const subject = text(field(header, 'subject'));
    this.#operation = { operation, ...(subject === undefined ? {} : { subject }) };
    this.#begun = true;
    this.#audit.append({ event: 'begin', ...this.#facts, ...this.#operation });
  }

  /** An operation that failed says so in its last message; the call itself went well. */
  answer(message: unknown): void {
    this.#failure = text(field(field(field(message, 'outcome'), 'failure'), 'reason')) ?? this.#failure;
  }

  end(reason: string | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#audit.append({ event: 'end', ...this.#facts, ...this.#operation, outcome: reason ?? this.#failure ?? 'ok' });
  }
}

/** undefined: the certificate is refused, which the rights say in their own words. */
function subjectOf(call: ServerInterceptingCallInterface): Peer | undefined {
  try {
    return peerOf(call);
  } catch {
    return undefined;
  }
}

function field(holder: unknown, name: string): unknown {
  return typeof holder === 'object' && holder !== null ? Reflect.get(holder, name) : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
