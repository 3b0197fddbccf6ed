import type { Reason } from '../runtime/errors.ts';
import type { Metrics, Sample } from '../runtime/metrics/metrics.ts';
import type { OperationLabels } from '../runtime/metrics/operations.ts';
import type { Measured } from '../runtime/operations/operations.ts';
import { FLOWS } from './flows/flows.ts';
import type { ActionInput } from './operations/action-kind.ts';
import type { Admission } from './operations/admission.ts';
import type { ActionRequest } from './server/handler.ts';

/** An action is counted by its name and the class of its admission. */
export function actionLabels({ input }: Pick<Measured, 'input'>): OperationLabels {
  const { action } = input as ActionInput;
  const flows: Readonly<Partial<Record<string, { readonly class?: string | undefined }>>> = FLOWS;
  return { kind: action, class: flows[action]?.class ?? '' };
}

/** A call that became no operation: a read, or one that was refused. */
export function measureRead(
  metrics: Metrics,
  { action }: Pick<ActionRequest, 'action'>,
  seconds: number,
  reason: Reason | undefined,
): void {
  const result = reason === undefined ? 'succeeded' : 'failed';
  metrics.observe('onestorage_operation_duration_seconds', { kind: action, class: '', result }, seconds);
  if (reason !== undefined) metrics.add('onestorage_operation_failures_total', { kind: action, reason });
}

export function measureAdmission(metrics: Metrics, admission: Admission): void {
  metrics.beforeScrape(() => {
    const load = admission.load();
    metrics.replace(
      'onestorage_admission_actions',
      load.flatMap((row): Sample<'onestorage_admission_actions'>[] => [
        [{ class: row.class, state: 'waiting' }, row.waiting],
        [{ class: row.class, state: 'running' }, row.running],
      ]),
    );
    metrics.replace(
      'onestorage_admission_slots',
      load.map((row): Sample<'onestorage_admission_slots'> => [{ class: row.class }, row.slots]),
    );
  });
}
