import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { StorageError } from '../../../runtime/errors.ts';
import { createLogger } from '../../../runtime/log.ts';
import { Operations } from '../../../runtime/operations/operations.ts';
import type { OperationHandle, OperationKind } from '../../../runtime/operations/types.ts';

const log = createLogger('test', 'silent');
const signal = new AbortController().signal;
const cannotMount = process.getuid?.() !== 0;

let directory = '';
let state = '';
let operations: Operations;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'onestorage-full-'));
  state = join(directory, 'state');
  mkdirSync(state);
  if (!cannotMount) execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', state]);
  operations = new Operations({ file: join(state, 'journal.db'), log });
});
afterEach(() => {
  operations.stop();
  if (!cannotMount) execFileSync('umount', [state]);
  rmSync(directory, { recursive: true, force: true });
});

function fill(): void {
  const { bavail, bsize } = statfsSync(state);
  writeFileSync(join(state, 'filler'), Buffer.alloc(Number(bavail) * Number(bsize), 1));
}

/** The first line that says the journal cannot be written. */
async function waits(handle: OperationHandle<unknown>): Promise<string> {
  for await (const event of handle.events(signal)) {
    if (event.type === 'log' && event.text.includes('journal')) return event.text;
  }
  throw new Error('it never waited');
}

/** What a step returns is large, so that its end does not fit any more. */
const kind: OperationKind<{ fail: boolean }, string> = {
  name: 'test.large',
  input: z.object({ fail: z.boolean() }),
  resources: () => ['disk'],
  run: async ({ fail }, context) => {
    await context.step('work', async () => {
      writeFileSync(join(directory, 'disk'), 'made');
      fill();
      return 'x'.repeat(64 * 1024);
    });
    if (fail) throw new StorageError('conflict', 'told to fail');
    return 'done';
  },
  undo: async () => rmSync(join(directory, 'disk'), { force: true }),
};

describe.skipIf(cannotMount && process.env['CI'] !== 'true')('a journal on a full disk', () => {
  it('stops an operation where it is, with its locks, and lets it go on when there is room', async () => {
    const handle = operations.submit(kind, { id: 'a', subject: 's', input: { fail: false } });
    expect(await waits(handle)).toMatch(
      /^the journal cannot be written, the operation waits: .*full.*; free space in the state directory$/,
    );
    expect(operations.get('a')?.state).toBe('running');
    rmSync(join(state, 'filler'));
    await expect(handle.done).resolves.toBe('done');
    expect(readFileSync(join(directory, 'disk'), 'utf8')).toBe('made');
    expect(operations.get('a')?.state).toBe('succeeded');
  });

  it('tells nobody of a failure that is not written: the next start would run the operation again', async () => {
    const handle = operations.submit(kind, { id: 'a', subject: 's', input: { fail: true } });
    await waits(handle);
    expect(operations.get('a')?.finishedAt).toBeUndefined();
    rmSync(join(state, 'filler'));
    await expect(handle.done).rejects.toMatchObject({ reason: 'conflict' });
    expect(existsSync(join(directory, 'disk'))).toBe(false);
    operations.stop();
    operations = new Operations({ file: join(state, 'journal.db'), log });
    operations.register(kind);
    operations.recover();
    expect(operations.list({ all: false, limit: 10 })).toEqual([]);
    expect(operations.get('a')).toMatchObject({ state: 'failed', failure: { reason: 'conflict' } });
  });
});
