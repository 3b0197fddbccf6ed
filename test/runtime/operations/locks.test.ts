import { describe, expect, it } from 'vitest';
import { collide, Locks } from '../../../runtime/operations/locks.ts';

const never = new AbortController().signal;
const settled = async (promise: Promise<unknown>): Promise<boolean> => {
  const pending = Symbol('pending');
  await new Promise((resolve) => setImmediate(resolve));
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
};

describe('collide', () => {
  it.each([
    ['path:/a/b', 'path:/a/b', true],
    ['path:/a/b', 'path:/a', true],
    ['path:/a', 'path:/a/b/c', true],
    ['path:/a/b', 'path:/a/bc', false],
    ['path:/a', 'domain:/a', false],
    ['domain:9', 'domain:9', true],
    ['domain:9', 'domain:9/1', false],
  ])('%s and %s: %s', (one, other, expected) => {
    expect(collide(one, other)).toBe(expected);
    expect(collide(other, one)).toBe(expected);
  });
});

describe('Locks', () => {
  it('gives what is free at once, and makes others wait until it is released', async () => {
    const locks = new Locks();
    const release = await locks.acquire('one', ['path:/vm/9'], never);
    const second = locks.acquire('two', ['path:/vm/9/disk.0'], never);
    expect(await settled(second)).toBe(false);
    expect(locks.blockers(['path:/vm/9/disk.1'])).toEqual(['one']);
    release();
    expect(await settled(second)).toBe(true);
  });

  it('does not let a later claim overtake an earlier one that it collides with', async () => {
    const locks = new Locks();
    const release = await locks.acquire('one', ['path:/vm/9/disk.0'], never);
    const directory = locks.acquire('two', ['path:/vm/9'], never);
    const other = locks.acquire('three', ['path:/vm/9/disk.1'], never);
    expect(await settled(other)).toBe(false);
    release();
    expect(await settled(directory)).toBe(true);
    expect(await settled(other)).toBe(false);
    (await directory)();
    expect(await settled(other)).toBe(true);
  });

  it('holds nothing while it waits, so two claims cannot wait for each other', async () => {
    const locks = new Locks();
    const release = await locks.acquire('one', ['a'], never);
    const both = locks.acquire('two', ['a', 'b'], never);
    const third = locks.acquire('three', ['c'], never);
    expect(await settled(third)).toBe(true);
    release();
    expect(await settled(both)).toBe(true);
  });

  it('leaves the queue on abort, with the reason of the abort', async () => {
    const locks = new Locks();
    const release = await locks.acquire('one', ['a'], never);
    const controller = new AbortController();
    const waiting = locks.acquire('two', ['a'], controller.signal);
    const behind = locks.acquire('three', ['a'], never);
    controller.abort(new Error('not any more'));
    await expect(waiting).rejects.toThrow('not any more');
    release();
    expect(await settled(behind)).toBe(true);
  });

  it('releases once, however often it is asked', async () => {
    const locks = new Locks();
    const release = await locks.acquire('one', ['a'], never);
    release();
    const second = await locks.acquire('two', ['a'], never);
    release();
    expect(locks.blockers(['a'])).toEqual(['two']);
    second();
    expect(locks.blockers(['a'])).toEqual([]);
  });
});
