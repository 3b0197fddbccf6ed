import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { StorageError } from '../../../runtime/errors.ts';
import { createLogger } from '../../../runtime/log.ts';
import { Operations } from '../../../runtime/operations/operations.ts';
import type { OperationContext, OperationEvent, OperationHandle, OperationKind } from '../../../runtime/operations/types.ts';
import { writeLines } from './kinds.ts';

const log = createLogger('test', 'silent');
const never = new AbortController().signal;
let directory = '';
let operations: Operations;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'onestorage-operations-'));
  operations = new Operations({ file: join(directory, 'journal.db'), log });
});
afterEach(() => {
  operations.stop();
  rmSync(directory, { recursive: true, force: true });
});

const input = (more: { fail?: boolean; wait?: boolean } = {}) => ({ file: join(directory, 'lines'), fail: false, wait: false, ...more });
const lines = (): string[] => readFileSync(join(directory, 'lines'), 'utf8').trim().split('\n');
const submit = (id: string, more = {}, supersedes: string[] = []) =>
  operations.submit(writeLines, { id, subject: 'the lines', input: input(more), supersedes });

async function eventsOf(handle: OperationHandle<unknown>): Promise<OperationEvent[]> {
  const events: OperationEvent[] = [];
  for await (const event of handle.events(never)) events.push(event);
  return events;
}

async function reached(id: string, step: string): Promise<void> {
  while (operations.get(id)?.step !== step) await new Promise((resolve) => setImmediate(resolve));
}

describe('Operations', () => {
  it('runs the steps in order and gives the result', async () => {
    await expect(submit('a').done).resolves.toEqual({ lines: 3 });
    expect(lines()).toEqual(['first', 'second 1', 'third']);
    expect(operations.get('a')).toMatchObject({
      state: 'succeeded',
      attempt: 1,
      committed: true,
      subject: 'the lines',
      kind: 'test.lines',
    });
  });

  it('keeps the journal to its owner', () => {
    expect(statSync(join(directory, 'journal.db')).mode & 0o777).toBe(0o600);
  });

  it('attaches to a running operation, and gives the recorded outcome of an ended one', async () => {
    const first = submit('a', { wait: true });
    const second = submit('a', { wait: true });
    await reached('a', 'first');
    operations.cancel('a', new StorageError('cancelled', 'by the test'));
    await expect(first.done).rejects.toMatchObject({ reason: 'cancelled' });
    await expect(second.done).rejects.toMatchObject({ reason: 'cancelled' });
    await expect(submit('a').done).rejects.toMatchObject({ reason: 'cancelled', message: 'by the test' });
    await submit('b').done;
    writeFileSync(join(directory, 'lines'), '');
    await expect(submit('b').done).resolves.toEqual({ lines: 3 });
    expect(lines()).toEqual(['']);
  });

  it('refuses an id that belongs to an operation of another kind', async () => {
    await submit('a').done;
    const other: OperationKind<null, undefined> = { name: 'test.other', input: z.null(), resources: () => [], run: async () => undefined };
    expect(() => operations.submit(other, { id: 'a', subject: 's', input: null })).toThrow('operation a is a test.lines, not a test.other');
  });

  it('takes back what fails before the commit', async () => {
    await expect(submit('a', { fail: true }).done).rejects.toMatchObject({ reason: 'conflict', message: 'told to fail' });
    expect(lines()).toEqual(['first', 'second 1', 'undone']);
    expect(operations.get('a')).toMatchObject({ state: 'failed', failure: { reason: 'conflict' } });
  });

  it('cancels while it runs, and while it waits for another', async () => {
    const running = submit('a', { wait: true });
    const waiting = submit('b');
    await reached('a', 'first');
    expect(operations.cancel('b', new StorageError('cancelled', 'no longer wanted'))).toBe(true);
    await expect(waiting.done).rejects.toMatchObject({ message: 'no longer wanted' });
    expect(operations.cancel('a', new StorageError('cancelled', 'stop'))).toBe(true);
    await expect(running.done).rejects.toMatchObject({ reason: 'cancelled', message: 'stop' });
    expect(operations.cancel('a', new StorageError('cancelled', 'again'))).toBe(false);
    expect(operations.cancel('unheard', new StorageError('cancelled', 'of'))).toBe(false);
  });

  it('refuses a cancel after the commit', async () => {
    const gate = Promise.withResolvers<void>();
    const kind: OperationKind<null, undefined> = {
      name: 'test.commit',
      input: z.null(),
      resources: () => [],
      run: async (_, context) => {
        context.commit();
        await context.step('late', () => gate.promise);
        return undefined;
      },
    };
    const handle = operations.submit(kind, { id: 'a', subject: 's', input: null });
    await reached('a', 'late');
    expect(operations.cancel('a', new StorageError('cancelled', 'too late'))).toBe(false);
    gate.resolve();
    await expect(handle.done).resolves.toBeUndefined();
  });

  it('gives way to what supersedes it: the older one has stopped and was taken back before the newer starts', async () => {
    const older = submit('a', { wait: true });
    await reached('a', 'first');
    const newer = submit('b', {}, ['a']);
    await expect(older.done).rejects.toMatchObject({ reason: 'superseded' });
    await newer.done;
    expect(lines()).toEqual(['first', 'undone', 'second 1', 'third']);
    expect(operations.get('a')?.state).toBe('cancelled');
  });

  it('can be cancelled while it waits for one that it supersedes and that only goes forward', async () => {
    const gate = Promise.withResolvers<void>();
    const stuck: OperationKind<null, undefined> = {
      name: 'test.stuck',
      input: z.null(),
      resources: () => [],
      run: async (_, context) => {
        context.commit();
        await context.step('late', () => gate.promise);
        return undefined;
      },
    };
    const older = operations.submit(stuck, { id: 'a', subject: 's', input: null });
    await reached('a', 'late');
    const newer = submit('b', {}, ['a']);
    expect(operations.cancel('b', new StorageError('cancelled', 'waited long enough'))).toBe(true);
    await expect(newer.done).rejects.toMatchObject({ message: 'waited long enough' });
    gate.resolve();
    await older.done;
  });

  it('sends log lines, progress and the outcome, also to whoever comes late', async () => {
    const kind: OperationKind<null, undefined> = {
      name: 'test.talk',
      input: z.null(),
      resources: () => [],
      run: async (_, context) => {
        context.log('info', 'hello');
        context.report({ step: 'copy', doneBytes: 5, totalBytes: 10 });
        context.report({ step: 'copy', doneBytes: 10, totalBytes: 10 });
        context.count({ movedBytes: 10, processes: 1 });
        return undefined;
      },
    };
    const events = await eventsOf(operations.submit(kind, { id: 'a', subject: 's', input: null }));
    expect(events.map((event) => event.type)).toEqual(['log', 'progress', 'success']);
    expect(events[1]).toMatchObject({ progress: { doneBytes: 10, totalBytes: 10 } });
    expect(events.at(-1)).toMatchObject({ figures: { movedBytes: 10, processes: 1 } });
    const late = await eventsOf(operations.submit(kind, { id: 'a', subject: 's', input: null }));
    expect(late).toMatchObject([{ type: 'success', figures: { movedBytes: 10 } }]);
  });

  it('lists what is under way, and with all what has ended, newest first', async () => {
    await submit('a').done;
    await submit('b').done;
    submit('c', { wait: true });
    await reached('c', 'first');
    expect(operations.list({ all: false, limit: 10 }).map(({ id }) => id)).toEqual(['c']);
    expect(operations.list({ all: true, limit: 10 }).map(({ id }) => id)).toEqual(['c', 'b', 'a']);
    expect(operations.list({ all: true, limit: 2 }).map(({ id }) => id)).toEqual(['c', 'b']);
    operations.cancel('c', new StorageError('cancelled', 'end of test'));
  });

  it('refuses a step name that is used twice', async () => {
    const kind: OperationKind<null, undefined> = {
      name: 'test.twice',
      input: z.null(),
      resources: () => [],
      run: async (_, context) => {
        await context.step('same', async () => undefined);
        await context.step('same', async () => undefined);
        return undefined;
      },
    };
    await expect(operations.submit(kind, { id: 'a', subject: 's', input: null }).done).rejects.toMatchObject({ reason: 'internal' });
  });

  it('forgets the input of a kind that asks for it, once it has ended', async () => {
    const kind: OperationKind<{ secret: string }, undefined> = {
      name: 'test.secret',
      input: z.object({ secret: z.string() }),
      forgetInput: true,
      resources: () => [],
      run: async () => undefined,
    };
    await operations.submit(kind, { id: 'a', subject: 's', input: { secret: 'hush-hush' } }).done;
    operations.stop();
    // The exclusive journal keeps its log beside it; a checkpoint at close brings all into one file.
    expect(readFileSync(join(directory, 'journal.db')).includes('"secret"')).toBe(false);
    operations = new Operations({ file: join(directory, 'journal.db'), log });
  });

  it('takes nothing back when the daemon stops: the next start goes on from the journal', async () => {
    const gate = Promise.withResolvers<void>();
    let undone = 0;
    const kind: OperationKind<null, undefined> = {
      name: 'test.stop',
      input: z.null(),
      resources: () => [],
      run: async (_, context) => {
        await context.step('first', () => gate.promise);
        return undefined;
      },
      undo: async () => {
        undone += 1;
      },
    };
    operations.submit(kind, { id: 'a', subject: 's', input: null });
    await reached('a', 'first');
    operations.stop();
    expect(() => operations.cancel('a', new StorageError('cancelled', 'too late'))).toThrow('stopping');
    gate.reject(new StorageError('tool_failed', 'children end with the daemon'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(undone).toBe(0);
    operations = new Operations({ file: join(directory, 'journal.db'), log });
    expect(operations.get('a')?.state).toBe('running');
  });

  it('keeps what operations say, across a restart, when it is told to', async () => {
    const talk = {
      name: 'test.talk',
      input: z.object({ lines: z.number() }),
      resources: () => [],
      run: async ({ lines }: { lines: number }, context: OperationContext) => {
        context.log('debug', 'not for people');
        for (let line = 1; line <= lines; line++) context.log('info', `line ${line}`);
      },
    };
    await operations.submit(talk, { id: 'silent', subject: 's', input: { lines: 1 } }).done;
    expect(operations.lines('silent')).toEqual([]);
    operations.stop();
    operations = new Operations({ file: join(directory, 'journal.db'), log, keepLines: true });
    await operations.submit(talk, { id: 'short', subject: 's', input: { lines: 2 } }).done;
    await operations.submit(talk, { id: 'long', subject: 's', input: { lines: 1000 } }).done;
    operations.stop();
    operations = new Operations({ file: join(directory, 'journal.db'), log, keepLines: true });
    expect(operations.lines('short')).toMatchObject([
      { level: 'info', text: 'line 1' },
      { level: 'info', text: 'line 2' },
    ]);
    expect(operations.lines('long')).toHaveLength(200);
    expect(operations.lines('long').at(-1)?.text).toContain('more lines');
  });

  it('lets only one daemon use a journal', () => {
    expect(() => new Operations({ file: join(directory, 'journal.db'), log })).toThrow(/another daemon runs on this state directory/);
  });

  it('takes nothing new while it drains', async () => {
    await operations.drain(1000);
    expect(() => submit('a')).toThrow('stopping');
  });
});
