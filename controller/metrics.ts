import { asStorageError, type Reason } from '../runtime/errors.ts';
import type { Logger } from '../runtime/log.ts';
import { inBackground } from '../runtime/metrics/background.ts';
import type { Metrics, Sample } from '../runtime/metrics/metrics.ts';
import type { OperationLabels } from '../runtime/metrics/operations.ts';
import type { Measured } from '../runtime/operations/operations.ts';
import { FLOWS } from './flows/flows.ts';
import type { DatastoreBackups } from './opennebula/backups.ts';
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

/** Whole pools are asked for: often enough for what changes once a day. */
const BACKUPS_FRESH_MS = 300_000;
const BACKUPS_WAIT_MS = 500;
/** What was not seen for this long is not told any more: an alert on its age would be one on OpenNebula's. */
const BACKUPS_STALE_MS = 3_600_000;

/** How old backups are, as OpenNebula lists them. */
export function measureBackups(metrics: Metrics, read: (signal: AbortSignal) => Promise<readonly DatastoreBackups[]>, log: Logger): void {
  let seen: { readonly at: number; readonly backups: readonly DatastoreBackups[] } | undefined;
  const look = async (): Promise<void> => {
    try {
      seen = { at: performance.now(), backups: await read(new AbortController().signal) };
    } catch (thrown) {
      log.debug({ error: asStorageError(thrown).message }, 'the age of backups is not known');
    }
  };
  const refresh = inBackground(look, { freshMs: BACKUPS_FRESH_MS, waitMs: BACKUPS_WAIT_MS });
  metrics.beforeScrape(async () => {
    await refresh();
    const backups = seen === undefined || performance.now() - seen.at > BACKUPS_STALE_MS ? [] : seen.backups;
    const samples = (of: (found: DatastoreBackups) => number | undefined): (readonly [{ readonly datastore: string }, number])[] =>
      backups.flatMap((found) => {
        const value = of(found);
        return value === undefined ? [] : [[{ datastore: String(found.datastoreId) }, value] as const];
      });
    metrics.replace(
      'onestorage_backups',
      samples(({ count }) => count),
    );
    metrics.replace(
      'onestorage_backup_newest_timestamp_seconds',
      samples(({ newest }) => newest),
    );
    metrics.replace(
      'onestorage_backup_stalest_timestamp_seconds',
      samples(({ stalest }) => stalest),
    );
  });
}
