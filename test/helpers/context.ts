import type { Figures, OperationContext, Progress, UndoContext } from '../../runtime/operations/types.ts';

export interface TestContext extends OperationContext {
  readonly lines: string[];
  readonly reports: Progress[];
  readonly steps: string[];
  readonly figures: Partial<Figures>;
  readonly isCommitted: () => boolean;
}

/** What outlives a crash. */
export interface TestJournal {
  readonly steps: Map<string, string>;
  committed: boolean;
}

export const newJournal = (): TestJournal => ({ steps: new Map(), committed: false });

export interface TestContextOptions {
  readonly operationId?: string;
  /** Given again: the next attempt of the same operation. */
  readonly journal?: TestJournal;
  readonly signal?: AbortSignal;
  /** Called after a step's work and before it is written down; may throw, as a crash there would. */
  readonly afterWork?: (step: string) => void;
}

/** An operation's context in memory, with the rules of the real one. */
export function testContext(options: TestContextOptions = {}): TestContext {
  const { operationId = 'op-1', journal = newJournal(), signal = new AbortController().signal } = options;
  const seen = new Set<string>();
  const lines: string[] = [];
  const reports: Progress[] = [];
  const steps: string[] = [];
  const figures: Record<string, number> = {};
  return {
    operationId,
    attempt: 1,
    subject: 'a test',
    signal,
    lines,
    reports,
    steps,
    figures,
    isCommitted: () => journal.committed,
    async step(name, work) {
      if (seen.has(name)) throw new Error(`the step ${name} is there twice`);
      seen.add(name);
      const finished = journal.steps.get(name);
      if (finished !== undefined) return finished === '' ? undefined : JSON.parse(finished);
      if (!journal.committed) signal.throwIfAborted();
      steps.push(name);
      const result = await work();
      options.afterWork?.(name);
      journal.steps.set(name, result === undefined ? '' : JSON.stringify(result));
      // What a restart would read back.
      return result === undefined ? result : JSON.parse(JSON.stringify(result));
    },
    commit() {
      if (!journal.committed) signal.throwIfAborted();
      journal.committed = true;
    },
    report: (progress) => void reports.push(progress),
    log: (level, text) => void lines.push(`${level}: ${text}`),
    count: (more) => {
      for (const [name, value] of Object.entries(more)) figures[name] = (figures[name] ?? 0) + (value ?? 0);
    },
  };
}

export function undoContext(operationId = 'op-1'): UndoContext & { readonly lines: string[] } {
  const lines: string[] = [];
  return { operationId, subject: 'a test', log: (level, text) => void lines.push(`${level}: ${text}`), lines };
}
