import { forgetCells, readCells, readFamilies, readMatrix } from './matrix.ts';
import { ALL, ELSEWHERE, FAMILIES } from './scenarios/all.ts';

/** Around every run of vitest: the matrix holds this run's cells alone. */
export function setup(): void {
  forgetCells();
}

/** Prints the matrix of what ran. A run of the whole suite fails unless every cell is filled and green. */
export function teardown(): void {
  const cells = readCells();
  if (cells.length === 0) return;
  const { text, wrong } = readMatrix(ALL, cells);
  process.stdout.write(`\nConformance\n\n${text}\n`);
  for (const [action, directory] of Object.entries(ELSEWHERE))
    process.stdout.write(`${action}  needs a running domain: see ${directory}\n`);
  // Some rows alone were asked for.
  if (process.argv.some((word) => /^(-t|--testNamePattern)/.test(word)) || readFamilies().length < Object.keys(FAMILIES).length) return;
  process.stdout.write(
    wrong.length === 0 ? '\nevery cell is filled and green\n' : `\n${wrong.length} cells are not green:\n  ${wrong.join('\n  ')}\n`,
  );
  if (wrong.length > 0) process.exitCode = 1;
}
