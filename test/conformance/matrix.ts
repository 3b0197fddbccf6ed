import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CellFormat, type Scenario, titleOf } from './scenario.ts';

/** action × format × {once, twice, killed}: test files write their cells, `global-setup.ts` reads and prints them. */

export const COLUMNS = ['once', 'twice', 'killed'] as const;
export type Column = (typeof COLUMNS)[number];

export interface Cell {
  readonly row: string;
  readonly format: CellFormat;
  readonly column: Column;
  readonly green: boolean;
  /** Of `killed`: how many points, and after how many the action had to be called again. */
  readonly points?: number;
  readonly calledAgain?: number;
}

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/onestorage-conformance/', import.meta.url));

export function writeCells(family: string, cells: readonly Cell[]): void {
  mkdirSync(CACHE, { recursive: true });
  writeFileSync(path.join(CACHE, `${family}.json`), JSON.stringify(cells));
}

/** The families that have run. */
export function readFamilies(): string[] {
  if (!existsSync(CACHE)) return [];
  return readdirSync(CACHE).filter((name) => name.endsWith('.json'));
}

export function readCells(): Cell[] {
  return readFamilies().flatMap((name) => JSON.parse(readFileSync(path.join(CACHE, name), 'utf8')) as Cell[]);
}

export function forgetCells(): void {
  rmSync(CACHE, { recursive: true, force: true });
}

/** The matrix as text, and the cells that are missing or red. */
export function readMatrix(scenarios: readonly Scenario[], cells: readonly Cell[]): { text: string; wrong: string[] } {
  const wrong: string[] = [];
  const rows = scenarios.flatMap((scenario) => scenario.formats.map((format) => rowOf(scenario, format)));
  const widths = [0, 1, 2, 3, 4].map((column) =>
    Math.max(...[['action', 'format', ...COLUMNS], ...rows].map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return { text: [line(['action', 'format', ...COLUMNS]), ...rows.map(line)].join('\n'), wrong };

  function rowOf(scenario: Scenario, format: CellFormat): string[] {
    const row = titleOf(scenario);
    const texts = COLUMNS.map((column) => {
      if (column === 'killed' && scenario.killedAs !== undefined) return `as ${scenario.killedAs}`;
      const cell = cells.find((one) => one.row === row && one.format === format && one.column === column);
      if (cell?.green !== true) wrong.push(`${row} ${format} ${column}: ${cell === undefined ? 'missing' : 'red'}`);
      return cell === undefined ? 'MISSING' : textOf(cell);
    });
    return [row, format, ...texts];
  }
}

function textOf({ green, points, calledAgain = 0 }: Cell): string {
  if (!green) return 'RED';
  if (points === undefined) return 'ok';
  const again = calledAgain === 0 ? '' : `, ${calledAgain} called again`;
  return points === 0 ? 'ok (not journaled)' : `ok (${points} points${again})`;
}
