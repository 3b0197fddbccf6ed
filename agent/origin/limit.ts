import { setTimeout as sleep } from 'node:timers/promises';

export interface Clock {
  /** Milliseconds that only go up. */
  now(): number;
  wait(time: number, signal: AbortSignal): Promise<void>;
}

const systemClock: Clock = {
  now: () => performance.now(),
  wait: (time, signal) => sleep(time, undefined, { signal }),
};

/**
 * A token bucket that holds one second (LIMIT_TRANSFER_BW, contract 4). `bytesPerSecond` 0: no limit. What was delivered faster than allowed
 * is paid for by waiting before the next chunk is asked for, so the sender is slowed down by back-pressure.
 */
export async function* limitRate(
  source: AsyncIterable<Buffer>,
  bytesPerSecond: number,
  signal: AbortSignal,
  clock: Clock = systemClock,
): AsyncGenerator<Buffer> {
  if (bytesPerSecond <= 0) {
    yield* source;
    return;
  }
  let tokens = bytesPerSecond;
  let last = clock.now();
  for await (const chunk of source) {
    yield chunk;
    const now = clock.now();
    tokens = Math.min(bytesPerSecond, tokens + ((now - last) / 1000) * bytesPerSecond) - chunk.length;
    last = now;
    if (tokens < 0) await clock.wait((-tokens / bytesPerSecond) * 1000, signal);
  }
}
