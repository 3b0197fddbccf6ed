import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

/** Wall time and processor time of the whole machine: what every process did, on both sides, also those that have ended. */
export interface Measured {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** Clock ticks a second in /proc/stat; 100 on every Linux that Node runs on. */
const TICKS = 100;

export async function measure(work: () => Promise<unknown>): Promise<Measured> {
  const cpu = busyTicks();
  const started = performance.now();
  await work();
  return { seconds: (performance.now() - started) / 1000, cpuSeconds: (busyTicks() - cpu) / TICKS };
}

/** The run in the middle by wall time: one disturbed run does not count. */
export function middle(runs: readonly Measured[]): Measured {
  const sorted = [...runs].sort((a, b) => a.seconds - b.seconds);
  const found = sorted[Math.floor((sorted.length - 1) / 2)];
  if (found === undefined) throw new Error('nothing was measured');
  return found;
}

/** user + nice + system + irq + softirq; neither idle nor waiting for a disk. */
function busyTicks(): number {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '';
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.trim().split(/\s+/).slice(1).map(Number);
  return user + nice + system + irq + softirq;
}
