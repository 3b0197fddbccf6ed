/** What a fault did to a guest and its disks. */
export interface Outcome {
  /** `running on host01` */
  readonly guest: string;
  /** Of the records the guest was told are on disk, on both disks. */
  readonly missing: number;
  readonly chain: string;
  readonly leftovers: number;
}

interface Row extends Outcome {
  readonly operation: string;
  readonly fault: string;
  /** Seconds for which the guest was held; `-`: it was not to be. */
  readonly held: string;
}

/** One line an operation and fault, printed when a suite is over. */
export class Outcomes {
  readonly #rows: Row[] = [];

  add(operation: string, fault: string, outcome: Outcome, heldMs?: number): void {
    this.#rows.push({ operation, fault, ...outcome, held: heldMs === undefined ? '-' : (heldMs / 1000).toFixed(1) });
  }

  print(): void {
    if (this.#rows.length === 0) return;
    const heads = ['operation', 'fault', 'guest', 'missing', 'chain', 'leftovers', 'held'] as const;
    const lines = [heads, ...this.#rows.map((row) => heads.map((head) => String(row[head])))];
    const widths = heads.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
    const text = lines.map((line) =>
      line
        .map((word, column) => word.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
    process.stderr.write(`\n${text.join('\n')}\n\n`);
  }
}
