import type { Audit } from '../../runtime/audit/log.ts';
import { oneLine, type Reason } from '../../runtime/errors.ts';
import type { Inspect } from '../inspection/events.ts';
import type { ActionHandler, ActionRequest } from '../server/handler.ts';

export interface ActionObserver {
  /** A call ended that became no operation: a read, or one that was refused. */
  ended(request: Pick<ActionRequest, 'action' | 'driver'>, seconds: number, reason: Reason | undefined): void;
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
