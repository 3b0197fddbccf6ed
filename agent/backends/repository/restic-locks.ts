import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { asStorageError } from '../../../runtime/errors.ts';
import { type ResticAccess, restic } from '../../tools/restic.ts';
import type { RepositoryContext } from './repository.ts';

/** As long as the stock driver tries. */
const PATIENCE_MS = 5 * 60_000;
const PAUSE_MS = 3000;

const lockSchema = z.object({ time: z.string(), hostname: z.string(), pid: z.number() });

/**
 * Does what needs a lock as soon as it can be had. A lock of a process that died on this host, or is older than 30 minutes, is removed:
 * `restic unlock` knows which, and leaves all others. Error repository_locked after five minutes.
 */
export async function whenUnlocked<T>(access: ResticAccess, context: RepositoryContext, work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (let told = false; ; told = true) {
    try {
      return await work();
    } catch (thrown) {
      const error = asStorageError(thrown);
      if (error.reason !== 'repository_locked' || Date.now() > deadline) throw error;
      if (!told) context.log('warn', `${error.message}; waiting until it is not`);
      await restic(access, ['unlock'], context);
      await sleep(PAUSE_MS, undefined, { signal: context.signal });
    }
  }
}

/** Who holds locks, for a person. */
export async function readLocks(access: ResticAccess, context: RepositoryContext): Promise<readonly string[]> {
  const { stdout } = await restic(access, ['list', 'locks', '--no-lock'], context);
  const ids = stdout.split('\n').filter((line) => /^[0-9a-f]{64}$/u.test(line));
  const found: string[] = [];
  for (const id of ids) {
    const text = await restic(access, ['cat', 'lock', id, '--no-lock'], context).catch(() => undefined);
    if (text === undefined) continue; // Given back meanwhile.
    const { hostname, pid, time } = lockSchema.parse(JSON.parse(text.stdout));
    found.push(`${hostname} pid ${pid} since ${time}`);
  }
  return found;
}
