/** The metric that is there to check another one against. */
export const MACHINE_CPU = 'CPU, machine';

/** One comparison. Numbers are medians, in the unit of the row. */
export interface Row {
  readonly case: string;
  readonly metric: string;
  readonly unit: 'ms' | 's' | 'MiB' | '';
  readonly baseline: string;
  readonly stock: number;
  readonly ours: number;
  /** stock / ours when more is better, ours / limit for a limit. */
  readonly ratio: number;
  readonly target: string;
  readonly met: boolean | undefined;
}

/** How many times less ours takes than the baseline; `target` undefined: for information. */
export function timesLess(of: Pick<Row, 'case' | 'metric' | 'unit' | 'baseline' | 'stock' | 'ours'>, target: number | undefined): Row {
  const ratio = of.stock / of.ours;
  return { ...of, ratio, target: target === undefined ? '' : `≥ ${target}×`, met: target === undefined ? undefined : ratio >= target };
}

/** `limit` may be reached, not passed; `stock` is what the limit comes from. */
export function atMost(of: Pick<Row, 'case' | 'metric' | 'unit' | 'baseline' | 'stock' | 'ours'>, limit: number, words: string): Row {
  return { ...of, ratio: of.stock / of.ours, target: words, met: of.ours <= limit };
}

const HEAD = ['case', 'metric', 'baseline', 'stock', 'ours', 'ratio', 'target', 'met'] as const;

export function renderTable(rows: readonly Row[]): string {
  const lines = [[...HEAD], ...rows.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line.map((cell, column) => (column >= 3 && column <= 5 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0))),
    )
    .map((line) => line.join('  ').trimEnd())
    .join('\n');
}

export function renderMarkdown(rows: readonly Row[], facts: readonly string[]): string {
  const line = (words: readonly string[]) => `| ${words.join(' | ')} |`;
  return [
    ...facts.map((fact) => `* ${fact}`),
    '',
    line(HEAD),
    '|---|---|---|---:|---:|---:|---|---|',
    ...rows.map((row) => line(cells(row))),
    '',
  ].join('\n');
}

function cells(row: Row): string[] {
  const show = (value: number) => (Number.isFinite(value) ? `${digits(value)}${row.unit === '' ? '' : ` ${row.unit}`}` : '–');
  const met = row.met === undefined ? '' : row.met ? 'yes' : 'no';
  const ratio = Number.isFinite(row.ratio) ? `${row.ratio.toFixed(2)}×` : '–';
  return [row.case, row.metric, row.baseline, show(row.stock), show(row.ours), ratio, row.target, met];
}

function digits(value: number): string {
  return Math.abs(value) < 10 ? value.toFixed(2) : value.toFixed(1);
}
