import type { Operations } from '../operations/operations.ts';
import type { Audit } from './log.ts';

/** Writes down what became of every operation, whoever still waits for it: those of an earlier run of the daemon too. */
export function auditOperations(audit: Audit, operations: Operations): void {
  operations.observe(({ id, kind, subject, state, reason }) => {
    audit.append({ event: 'operation', operation: id, kind, subject, outcome: state === 'succeeded' ? 'ok' : (reason ?? state) });
  });
}
