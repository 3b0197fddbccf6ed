import type { Measured, Operations } from '../operations/operations.ts';
import type { Figures } from '../operations/types.ts';
import type { Metrics, Sample } from './metrics.ts';

/** What an operation is counted as. Both are words of the program: their number does not grow with the site. */
export interface OperationLabels {
  readonly kind: string;
  readonly class: string;
}

type Totals = Pick<Figures, 'movedBytes' | 'skippedBytes' | 'verifiedBytes' | 'processes'>;
const NOTHING: Totals = { movedBytes: 0, skippedBytes: 0, verifiedBytes: 0, processes: 0 };
const STATES = ['waiting', 'running', 'undoing'] as const;

/** Counts the operations of a daemon. A long copy is counted while it goes on: its bytes do not come as one jump at its end. */
export function measureOperations(metrics: Metrics, operations: Operations, labelsOf: (operation: Measured) => OperationLabels): void {
  const ended = new Map<string, Totals>();
  operations.observe((operation) => {
    const labels = labelsOf(operation);
    const seconds = Math.max(0, ((operation.finishedAt ?? Date.now()) - operation.createdAt) / 1000);
    metrics.observe('onestorage_operation_duration_seconds', { ...labels, result: operation.state }, seconds);
    if (operation.reason !== undefined) {
      metrics.add('onestorage_operation_failures_total', { kind: labels.kind, reason: operation.reason });
    }
    ended.set(labels.kind, sum(ended.get(labels.kind), operation.figures));
  });
  metrics.beforeScrape(() => {
    const active = operations.active();
    const count = (state: string): number => active.filter((operation) => operation.state === state).length;
    metrics.replace(
      'onestorage_operations',
      STATES.map((state): Sample<'onestorage_operations'> => [{ state }, count(state)]),
    );
    const oldest = active.reduce((first, { createdAt }) => Math.min(first, createdAt), Date.now());
    metrics.replace('onestorage_operations_oldest_age_seconds', [[{}, (Date.now() - oldest) / 1000]]);
    const totals = new Map(ended);
    for (const operation of active) {
      const { kind } = labelsOf(operation);
      totals.set(kind, sum(totals.get(kind), operation.figures));
    }
    replaceTotals(metrics, totals);
  });
}

function replaceTotals(metrics: Metrics, totals: ReadonlyMap<string, Totals>): void {
  const rows = [...totals];
  metrics.replace(
    'onestorage_operation_bytes_total',
    rows.flatMap(([kind, { movedBytes, skippedBytes, verifiedBytes }]): Sample<'onestorage_operation_bytes_total'>[] => [
      [{ kind, what: 'moved' }, movedBytes],
      [{ kind, what: 'skipped' }, skippedBytes],
      [{ kind, what: 'verified' }, verifiedBytes],
    ]),
  );
  metrics.replace(
    'onestorage_operation_processes_total',
    rows.map(([kind, { processes }]): Sample<'onestorage_operation_processes_total'> => [{ kind }, processes]),
  );
}

function sum(one: Totals = NOTHING, other: Totals): Totals {
  return {
    movedBytes: one.movedBytes + other.movedBytes,
    skippedBytes: one.skippedBytes + other.skippedBytes,
    verifiedBytes: one.verifiedBytes + other.verifiedBytes,
    processes: one.processes + other.processes,
  };
}
