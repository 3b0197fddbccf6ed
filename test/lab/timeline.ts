import type { OperationRecord } from '../../runtime/operations/types.ts';
import type { ActionResult } from './opennebula/mad.ts';

/** What happened, how long it took, and what it cost: the numbers are those of the controller's own records. */
export interface TimelineRow {
  readonly stage: string;
  readonly action: string;
  readonly milliseconds: number;
  readonly movedBytes: number;
  readonly skippedBytes: number;
  readonly processes: number;
}

export interface TimelineSource {
  operations(): Promise<readonly OperationRecord[]>;
  logs(): string;
}

export class Timeline {
  readonly rows: TimelineRow[] = [];
  readonly #source: TimelineSource;
  readonly #say: (text: string) => void;
  readonly #seen = new Set<string>();
  #stage = '';

  constructor(source: TimelineSource, say: (text: string) => void) {
    this.#source = source;
    this.#say = say;
  }

  stage(name: string): void {
    this.#stage = name;
    this.#say(`\n${name}`);
  }

  /** A check that passed. */
  verified(what: string): void {
    this.#say(`  ok    ${what}`);
  }

  /** Waits for one action, keeps its figures, and throws what oned would have shown when it failed. */
  async record(action: string, running: Promise<ActionResult>): Promise<ActionResult> {
    const result = await running;
    const row = { stage: this.#stage, action, milliseconds: result.milliseconds, ...(await this.#figures()) };
    this.rows.push(row);
    this.#say(`  ${duration(row.milliseconds).padStart(7)}  ${action}${amounts(row)}`);
    if (result.exit !== 0) throw new Error(`${this.#stage}: ${action} failed with code ${result.exit}: ${result.stderr.trim()}`);
    if (result.undefinedMessages.length > 0) throw new Error(`${action} printed more than one line: ${result.stdout}`);
    const digit = result.log.find((line) => line.objectId !== -1);
    if (digit !== undefined) throw new Error(`${action}: a log line began with a number, which oned takes for a VM: ${result.stderr}`);
    return result;
  }

  async #figures(): Promise<Pick<TimelineRow, 'movedBytes' | 'skippedBytes' | 'processes'>> {
    const sum = { movedBytes: 0, skippedBytes: 0, processes: 0 };
    for (const operation of await this.#source.operations()) {
      if (this.#seen.has(operation.id)) continue;
      this.#seen.add(operation.id);
      sum.movedBytes += operation.figures.movedBytes;
      sum.skippedBytes += operation.figures.skippedBytes;
      sum.processes += operation.figures.processes;
    }
    return sum;
  }
}

/** The whole as a table for a person. */
export function renderTimeline(rows: readonly TimelineRow[]): string {
  const head = ['action', 'time', 'moved', 'skipped', 'processes'];
  const body = folded(rows).map((row) => [
    `${row.stage}: ${row.action}`,
    duration(row.milliseconds),
    mebibytes(row.movedBytes),
    mebibytes(row.skippedBytes),
    String(row.processes),
  ]);
  const sum = (of: (row: TimelineRow) => number) => rows.reduce((total, row) => total + of(row), 0);
  const total = [
    `${rows.length} actions`,
    duration(sum((row) => row.milliseconds)),
    mebibytes(sum((row) => row.movedBytes)),
    mebibytes(sum((row) => row.skippedBytes)),
    String(sum((row) => row.processes)),
  ];
  const lines = [head, ...body, total];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) => line.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  '))
    .join('\n');
}

/** Neighbours that did nothing (`MV disk.0` …: the line of the directory moves all) become one row. */
function folded(rows: readonly TimelineRow[]): TimelineRow[] {
  const idle = (row: TimelineRow) => row.movedBytes + row.skippedBytes + row.processes === 0;
  const verb = (row: TimelineRow) => `${row.stage} ${row.action.split(' ', 1)[0]}`;
  const result: { row: TimelineRow; count: number }[] = [];
  for (const row of rows) {
    const last = result.at(-1);
    if (last !== undefined && idle(row) && idle(last.row) && verb(row) === verb(last.row)) {
      last.row = { ...last.row, milliseconds: last.row.milliseconds + row.milliseconds };
      last.count += 1;
    } else result.push({ row, count: 1 });
  }
  return result.map(({ row, count }) => (count === 1 ? row : { ...row, action: `${row.action} and ${count - 1} more` }));
}

function amounts(row: TimelineRow): string {
  if (row.movedBytes === 0 && row.skippedBytes === 0) return '';
  return `  (${mebibytes(row.movedBytes)} moved, ${mebibytes(row.skippedBytes)} skipped)`;
}

function duration(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / (1 << 20)).toFixed(bytes > 0 && bytes < 10 << 20 ? 1 : 0)} MiB`;
}
