import { once } from 'node:events';
import { reportFailure } from './report.ts';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
/** After stop() nothing should be left; what is left must not keep the process. */
const LINGER_MS = 3000;

export interface Daemon {
  /** `onestorage-agent`, in front of its errors. */
  readonly name: string;
  /** Resolves when the daemon serves; stop() ends what is under way and resolves when nothing is. */
  start(): Promise<{ stop(): Promise<void> }>;
}

/**
 * Runs a daemon until SIGTERM or SIGINT, then stops it. A signal during the start waits for it; a second one ends the process at once.
 * An error of the start: one line and a hint on standard error, exit status 1.
 */
export async function runDaemon({ name, start }: Daemon): Promise<void> {
  const asked = new AbortController();
  const onSignal = (): void => {
    if (asked.signal.aborted) process.exit(1);
    asked.abort();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  // A closed terminal is no reason to stop.
  process.on('SIGHUP', ignore);
  // Something may be left waiting while nothing else keeps the process alive.
  const alive = setInterval(ignore, 2 ** 30);
  try {
    const running = await start();
    if (!asked.signal.aborted) await once(asked.signal, 'abort');
    await running.stop();
  } catch (thrown) {
    reportFailure(name, thrown);
    // Not exitCode: a half-started daemon has open sockets.
    process.exit(1);
  } finally {
    clearInterval(alive);
  }
  setTimeout(() => process.exit(0), LINGER_MS).unref();
}

function ignore(): void {
  // Nothing to do.
}
