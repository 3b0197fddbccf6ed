/** The tables that a run of the suite prints: what was restored, and what failure said what. */

export class Matrix {
  readonly #rows: (readonly string[])[];
  readonly #title: string;

  constructor(title: string, head: readonly string[]) {
    this.#title = title;
    this.#rows = [head];
  }

  add(...cells: readonly string[]): void {
    this.#rows.push(cells);
  }

  print(): void {
    const widths = (this.#rows[0] ?? []).map((_, column) => Math.max(...this.#rows.map((row) => (row[column] ?? '').length)));
    const lines = this.#rows.map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
    process.stdout.write(`\n${this.#title}\n${lines.join('\n')}\n\n`);
  }
}
