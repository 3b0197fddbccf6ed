import { setTimeout as delay } from 'node:timers/promises';
import { asStorageError } from '../../../runtime/errors.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';

const FOR_MS = 120_000;
const PAUSE_MS = 1000;

/** A libvirt that is started again forgets nothing of a backup, so it is waited for. Errors: of the call; unavailable after two minutes. */
export async function patiently<T>(call: () => Promise<T>, context: Pick<OperationContext, 'signal' | 'log'>): Promise<T> {
  const until = performance.now() + FOR_MS;
  for (let told = false; ; told = true) {
    try {
      return await call();
    } catch (thrown) {
      const error = asStorageError(thrown);
      if (error.reason !== 'unavailable' || performance.now() > until) throw error;
      if (!told) context.log('warn', `waits for libvirt: ${error.message}`);
    }
    await delay(PAUSE_MS, undefined, { signal: context.signal }).catch(() => context.signal.throwIfAborted());
  }
}
