import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { hasProgram, type ProgramName } from '../../../agent/tools/programs.ts';
import type { Figures, OperationContext } from '../../../runtime/operations/types.ts';

/** A directory of the test's own, gone after it. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'onestorage-test-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

export interface FakeContext extends OperationContext {
  readonly logged: string[];
  readonly steps: string[];
  readonly counted: Partial<Figures>[];
  committed: boolean;
}

/** An operation without a journal: every step runs. `failIn`: the step that throws instead of running. */
export function fakeContext(
  more: { readonly signal?: AbortSignal; readonly operationId?: string; readonly failIn?: string } = {},
): FakeContext {
  const context: FakeContext = {
    operationId: more.operationId ?? 'op-1',
    attempt: 1,
    subject: 'a test',
    signal: more.signal ?? new AbortController().signal,
    logged: [],
    steps: [],
    counted: [],
    committed: false,
    async step(name, work) {
      context.steps.push(name);
      if (name === more.failIn) throw new Error(`step ${name} fails`);
      return await work();
    },
    commit() {
      context.committed = true;
    },
    report: () => undefined,
    log: (_level, text) => void context.logged.push(text),
    count: (figures) => void context.counted.push(figures),
  };
  return context;
}

/** What of these programs is missing here. In CI nothing may be. */
export async function lacks(...programs: ProgramName[]): Promise<boolean> {
  const found = await Promise.all(programs.map(hasProgram));
  const missing = programs.filter((_, index) => found[index] !== true);
  if (missing.length > 0 && process.env['CI'] === 'true') throw new Error(`missing here: ${missing.join(', ')}`);
  return missing.length > 0;
}

export const isRoot = process.getuid?.() === 0;
