import type { OperationRecord } from '../../runtime/operations/types.ts';
import { formatBytes, formatDuration } from '../../runtime/units.ts';
import { alarm, state as painted } from './colours.ts';
import type { Rates } from './rates.ts';
import { table } from './table.ts';

const BAR = 12;
/** What a narrow terminal cuts off stands last. */
const HEAD = ['ID', 'STATE', 'STARTED', 'TIME', 'PROGRESS', 'RATE', 'REMAINING', 'STEP', 'ACTION'] as const;

export const WHOLE_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u;
/** As much of an id as tables show: it tells the operations of a month apart, and every command takes it. */
const SHORT_ID = 8;

/** Operations as a table for people. `rates`: of a watcher, who knows more than the average. */
export function operationTable(records: readonly OperationRecord[], now: number, rates?: Rates, empty = 'nothing is under way\n'): string {
  return records.length === 0 ? empty : table([HEAD, ...records.map((record) => rowOf(record, now, rates?.of(record.id)))]);
}

function rowOf(record: OperationRecord, now: number, measured: number | undefined): readonly string[] {
  const { id, subject, state, failure, progress, step, createdAt, finishedAt } = record;
  const { rate, remaining } = pace(record, now, measured);
  const cells = [progressText(record), rate, remaining, failure?.reason ?? progress?.step ?? step ?? ''].map((text) => text || '-');
  const time = formatDuration(Math.max(0, (finishedAt ?? now) - createdAt));
  return [WHOLE_ID.test(id) ? id.slice(0, SHORT_ID) : id, painted(state), timeText(createdAt), time, ...cells, subject];
}

/** To the second, as `onestorage backups` has it. */
function timeText(unixMs: number): string {
  return new Date(unixMs).toISOString().replace(/\.\d+Z$/u, 'Z');
}

export function progressText({ progress, figures, finishedAt }: Pick<OperationRecord, 'progress' | 'figures' | 'finishedAt'>): string {
  if (finishedAt !== undefined) return figures.movedBytes > 0 ? formatBytes(figures.movedBytes) : '';
  if (progress === undefined) return '';
  if (progress.totalBytes === 0) return progress.doneBytes === 0 ? '' : formatBytes(progress.doneBytes);
  const share = Math.min(1, progress.doneBytes / progress.totalBytes);
  const full = Math.floor(share * BAR);
  return `[${'#'.repeat(full)}${'.'.repeat(BAR - full)}] ${Math.floor(share * 100)}% of ${formatBytes(progress.totalBytes)}`;
}

/** What was measured, else the average since the operation began: all that one look can know. */
export function pace(
  { progress, createdAt, finishedAt }: Pick<OperationRecord, 'progress' | 'createdAt' | 'finishedAt'>,
  now: number,
  measured: number | undefined,
): { rate: string; remaining: string } {
  const seconds = (now - createdAt) / 1000;
  if (finishedAt !== undefined || progress === undefined || progress.doneBytes === 0 || seconds <= 0) return { rate: '', remaining: '' };
  const rate = measured ?? progress.doneBytes / seconds;
  const left = progress.totalBytes - progress.doneBytes;
  return { rate: `${formatBytes(Math.round(rate))}/s`, remaining: left > 0 && rate > 0 ? formatDuration((left / rate) * 1000) : '' };
}

/** One operation, a line a fact. */
export function operationText(record: OperationRecord): string {
  const lines: [string, string | undefined][] = [
    ['id', record.id],
    ['action', record.subject],
    ['state', painted(record.state)],
    ['step', record.step],
    ['progress', progressText(record)],
    ['attempt', record.attempt > 1 ? String(record.attempt) : undefined],
    ['started', new Date(record.createdAt).toISOString()],
    ['ended', record.finishedAt === undefined ? undefined : new Date(record.finishedAt).toISOString()],
    ['moved', record.figures.movedBytes > 0 ? formatBytes(record.figures.movedBytes) : undefined],
    ['verified', record.figures.verifiedBytes > 0 ? formatBytes(record.figures.verifiedBytes) : undefined],
    ['failure', record.failure === undefined ? undefined : alarm(`${record.failure.message} (${record.failure.reason})`)],
  ];
  return lines
    .filter(([, text]) => text !== undefined && text !== '')
    .map(([name, text]) => `${name.padEnd(10)}${text}\n`)
    .join('');
}
