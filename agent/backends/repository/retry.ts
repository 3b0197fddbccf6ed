import { setTimeout as sleep } from 'node:timers/promises';
import { asStorageError } from '../../../runtime/errors.ts';
import { formatDuration } from '../../../runtime/units.ts';
import type { RepositoryContext } from './repository.ts';

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
/** Pauses together. */
const PATIENCE_MS = 5 * 60_000;

/**
 * Does again what a network that went away has ended. Only for what goes on where it was: restic has stored the data already (all but what is in no
 * index yet, of ten minutes at most), rsync keeps what it has sent. Gives up after five minutes.
 */
export async function retried<T>(work: (again: boolean) => Promise<T>, context: RepositoryContext): Promise<T> {
  let waited = 0;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return await work(waited > 0);
    } catch (thrown) {
      const error = asStorageError(thrown);
      if (error.reason !== 'repository_unreachable' || waited + pause > PATIENCE_MS) throw error;
      context.log('warn', `${error.message}; trying again in ${formatDuration(pause)}`);
    }
    await sleep(pause, undefined, { signal: context.signal });
    waited += pause;
  }
}
