import { describe, expect, it } from 'vitest';
import { type FollowOptions, follow } from '../../../controller/hosts/follow.ts';
import type { OperationEvent__Output } from '../../../proto/gen/onestorage/v1/OperationEvent.ts';
import { StorageError } from '../../../runtime/errors.ts';

const figures = { movedBytes: 7, skippedBytes: 0, verifiedBytes: 0, processes: 1 };
const found = { format: 'raw', sizeBytes: 5, md5: '', backupId: '', chain: [], answeredBy: '' };
const result: OperationEvent__Output = { outcome: { result: found, figures } };
const log = (text: string): OperationEvent__Output => ({ log: { level: 'warn', text } });
const broken = new StorageError('unreachable', 'node1 (node1:2635) does not answer');

/** Each call of open plays the next part; an error breaks the stream. */
function parts(...all: (OperationEvent__Output | StorageError)[][]): {
  open: () => AsyncIterable<OperationEvent__Output>;
  opened: () => number;
} {
  let next = 0;
  return {
    opened: () => next,
    open: async function* () {
      const part = all[Math.min(next, all.length - 1)] ?? [];
      next += 1;
      for (const one of part) {
        if (one instanceof StorageError) throw one;
        yield one;
      }
    },
  };
}

function options(more: Partial<FollowOptions> = {}): FollowOptions & { lines: string[]; moved: () => number } {
  const lines: string[] = [];
  let moved = 0;
  return {
    hostName: 'node1',
    signal: new AbortController().signal,
    reattachMs: 10_000,
    known: false,
    lines,
    moved: () => moved,
    listener: {
      log: (level, text) => lines.push(`${level} ${text}`),
      report: () => undefined,
      count: (some) => {
        moved += some.movedBytes ?? 0;
      },
    },
    ...more,
  };
}

describe('follow', () => {
  it('gives the result, passes log lines on once, counts once', async () => {
    const one = options();
    const stream = parts([log('begun'), broken], [log('begun'), broken], [log('begun'), log('half'), result]);
    expect(await follow(stream.open, one)).toEqual(found);
    expect(stream.opened()).toBe(3);
    expect(one.lines.filter((line) => line === 'warn begun')).toHaveLength(1);
    expect(one.lines).toContain('warn half');
    expect(one.moved()).toBe(7);
  });

  it('does not wait for a host that never answered', async () => {
    const stream = parts([broken]);
    await expect(follow(stream.open, options())).rejects.toBe(broken);
    expect(stream.opened()).toBe(1);
  });

  it('waits for one that was cut off before it said anything', async () => {
    const dropped = Object.assign(new Error('14 UNAVAILABLE'), { details: 'Connection dropped' });
    const cut = new StorageError('unreachable', 'node1 (node1:2635) does not answer: Connection dropped', { cause: dropped });
    const stream = parts([cut], [broken], [result]);
    expect((await follow(stream.open, options())).format).toBe('raw');
    expect(stream.opened()).toBe(3);
    const refused = Object.assign(new Error('14 UNAVAILABLE'), { details: 'No connection established. Last error: ECONNREFUSED' });
    const down = new StorageError('unreachable', 'node1 (node1:2635) does not answer', { cause: refused });
    await expect(follow(parts([down]).open, options())).rejects.toBe(down);
  });

  it('waits for it when the operation was begun before', async () => {
    const stream = parts([broken], [result]);
    expect((await follow(stream.open, options({ known: true }))).format).toBe('raw');
  });

  it('gives up after a while, with the name of the host', async () => {
    const stream = parts([log('begun'), broken], [broken]);
    await expect(follow(stream.open, options({ reattachMs: 1 }))).rejects.toMatchObject({
      reason: 'unreachable',
      message: expect.stringMatching(/^node1 went away and did not come back in .*does not answer/),
    });
  });

  it('takes a stream without an outcome for a broken one', async () => {
    const stream = parts([log('begun')], [result]);
    expect((await follow(stream.open, options())).format).toBe('raw');
  });

  it('fails with what the operation failed with, and says where', async () => {
    const failed: OperationEvent__Output = {
      outcome: { failure: { reason: 'no_space', message: 'no space left in datastore 104' }, figures },
    };
    await expect(follow(parts([failed]).open, options())).rejects.toMatchObject({
      reason: 'no_space',
      message: 'no space left in datastore 104 (on node1)',
    });
    const other: OperationEvent__Output = { outcome: { failure: { reason: 'unreachable', message: 'node2 does not answer' }, figures } };
    const stream = parts([other]);
    await expect(follow(stream.open, options({ known: true }))).rejects.toMatchObject({ reason: 'unreachable' });
    expect(stream.opened()).toBe(1);
  });

  it('stops when it is told to', async () => {
    const abort = new AbortController();
    const why = new StorageError('superseded', 'given up');
    const stream = parts([log('begun'), broken]);
    const following = follow(
      stream.open,
      options({ signal: abort.signal, listener: { log: () => abort.abort(why), report: () => undefined, count: () => undefined } }),
    );
    await expect(following).rejects.toThrow();
    expect(stream.opened()).toBe(1);
  });

  it('throws at once what no new attempt mends', async () => {
    const stream = parts([log('begun'), new StorageError('bad_argument', 'no')]);
    await expect(follow(stream.open, options())).rejects.toMatchObject({ reason: 'bad_argument' });
    expect(stream.opened()).toBe(1);
  });
});
