import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OperationRecord } from '../../../runtime/operations/types.ts';

const DAEMON = join(import.meta.dirname, 'daemon.ts');
const STEPS = ['first', 'second', 'third'] as const;
const POINTS = STEPS.flatMap((step) => [`test.lines.${step}.begin`, `test.lines.${step}.end`]);

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'onestorage-crash-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function run(
  what: 'submit' | 'recover',
  options: { failpoints?: string; fail?: boolean } = {},
): { killed: boolean; record: OperationRecord | undefined } {
  const args = [DAEMON, join(directory, 'journal.db'), join(directory, 'lines'), what, options.fail === true ? 'fail' : ''];
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, {
    env: { PATH: process.env['PATH'], ONESTORAGE_FAILPOINTS: options.failpoints ?? '' },
    encoding: 'utf8',
    timeout: 30_000,
  });
  if (signal === 'SIGKILL') return { killed: true, record: undefined };
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return { killed: false, record: JSON.parse(stdout) as OperationRecord };
}

const lines = (): string[] => readFileSync(join(directory, 'lines'), 'utf8').trim().split('\n');

describe('an operation whose daemon is killed', () => {
  it.each(POINTS)('at %s goes on at the next start', (point) => {
    expect(run('submit', { failpoints: `${point}=kill` }).killed).toBe(true);
    const { record } = run('recover');
    expect(record).toMatchObject({ state: 'succeeded', attempt: 2 });
    // The first step returned the attempt it ran in: a step that had ended did not run again.
    const token = point === 'test.lines.first.begin' ? 2 : 1;
    expect(lines()).toEqual(['first', `second ${token}`, 'third']);
  });

  it('twice goes on all the same', () => {
    expect(run('submit', { failpoints: 'test.lines.second.begin=kill' }).killed).toBe(true);
    expect(run('recover', { failpoints: 'test.lines.third.begin=kill' }).killed).toBe(true);
    expect(run('recover').record).toMatchObject({ state: 'succeeded', attempt: 3 });
    expect(lines()).toEqual(['first', 'second 1', 'third']);
  });

  it('while it is taken back is taken back at the next start, and not run again', () => {
    expect(run('submit', { fail: true, failpoints: 'test.lines.undo=kill' }).killed).toBe(true);
    const { record } = run('recover');
    expect(record).toMatchObject({ state: 'failed', failure: { reason: 'conflict', message: 'told to fail' } });
    expect(lines()).toEqual(['first', 'second 1', 'undone']);
  });
});
