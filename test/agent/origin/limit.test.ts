import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limitRate } from '../../../agent/origin/limit.ts';
import { chunksOf, collect } from './helpers.ts';

/** A clock that only moves when somebody waits. */
function fakeClock() {
  let time = 0;
  return {
    now: () => time,
    wait: async (more: number) => {
      time += more;
    },
  };
}

describe('the limit of a transfer', () => {
  it('takes as long as the rate says, after the first second', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1000, max: 1_000_000 }), fc.integer({ min: 1, max: 2_000_000 }), async (rate, length) => {
        const clock = fakeClock();
        const content = Buffer.alloc(length, 7);
        const { signal } = new AbortController();
        expect((await collect(limitRate(chunksOf(content), rate, signal, clock))).equals(content)).toBe(true);
        expect(clock.now() / 1000).toBeCloseTo(Math.max(0, length / rate - 1), 3);
      }),
      { numRuns: 50 },
    );
  });

  it('is none with 0', async () => {
    const clock = fakeClock();
    await collect(limitRate(chunksOf(Buffer.alloc(1 << 20)), 0, new AbortController().signal, clock));
    expect(clock.now()).toBe(0);
  });

  it('stops waiting when it is cancelled', async () => {
    const abort = new AbortController();
    abort.abort(new Error('stop'));
    await expect(collect(limitRate(chunksOf(Buffer.alloc(1000)), 1, abort.signal))).rejects.toThrow();
  });
});
