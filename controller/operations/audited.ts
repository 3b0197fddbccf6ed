import type { Audit } from '../../runtime/audit/log.ts';
import { oneLine, type Reason } from '../../runtime/errors.ts';
import type { Told } from '../../runtime/telemetry/spans.ts';
import type { Inspect } from '../inspection/events.ts';
import type { ActionHandler, ActionRequest } from '../server/handler.ts';

export interface ActionObserver {
  /** A call ended that became no operation: a read, or one that was refused. */
  ended(request: Pick<ActionRequest, 'key' | 'action' | 'driver'>, seconds: number, reason: Reason | undefined): void;
}

/**
 * The same handler; every call is written down when it comes and when it is answered. Not its words and not its standard input: those may
 * hold secrets, and the operation's subject says what it was about.
 */
export function auditedHandler(handler: ActionHandler, audit: Audit, observer: ActionObserver): ActionHandler {
  return {
    run: async (request, sink) => {
      const { key: operation, driver, action } = request;
      const started = performance.now();
      audit.append({ event: 'begin', action, driver, operation });
      const end = (reason: Reason | undefined): void => {
        const record = handler.get(operation);
        audit.append({ event: 'end', action, driver, operation, subject: record?.subject, outcome: reason ?? 'ok' });
        if (record === undefined) observer.ended(request, (performance.now() - started) / 1000, reason);
      };
      try {
        const outcome = await handler.run(request, sink);
        end(outcome.failure?.reason);
        return outcome;
      } catch (thrown) {
        end('internal');
        throw thrown;
      }
    },
    cancel: (key, reason) => {
      const cancelling = handler.cancel(key, reason);
      audit.append({ event: 'cancel', operation: key, why: oneLine(reason), outcome: cancelling ? 'ok' : 'refused' });
      return cancelling;
    },
    list: (all) => handler.list(all),
    get: (id) => handler.get(id),
  };
}

/** A call without an operation, as if it had been one that ends now. */
export function readAsTold({ key, action }: Pick<ActionRequest, 'key' | 'action'>, seconds: number, reason: Reason | undefined): Told {
  const finishedAt = Date.now();
  const state = reason === undefined ? 'succeeded' : 'failed';
  const figures = { movedBytes: 0, skippedBytes: 0, verifiedBytes: 0, processes: 0 };
  return { id: key, kind: action, subject: action, state, createdAt: finishedAt - 1000 * seconds, finishedAt, figures, steps: [], reason };
}

/** The same inspection; a repair, and everything it sets aside, is written down. */
export function auditedInspect(inspect: Inspect, audit: Audit): Inspect {
  return async function* (datastore, options, signal) {
    if (options.repair) audit.append({ event: 'repair', datastore });
    for await (const event of inspect(datastore, options, signal)) {
      if (event.type === 'moved') audit.append({ event: 'moved', datastore, host: event.host, path: event.path, to: event.to });
      yield event;
    }
  };
}
