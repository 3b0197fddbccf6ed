import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** What a daemon has used so far, with the programs it has waited for. */
export interface Cost {
  readonly cpuSeconds: number;
}

const TICKS = 100;
const SAMPLE_MS = 100;

export function costOf(pid: number): Cost {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
    .map(Number);
  // utime, stime, cutime, cstime: fields 14 to 17 of proc(5).
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15);
  return { cpuSeconds: (user + system + childUser + childSystem) / TICKS };
}

function residentMib(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}

/** What `work` cost each of these daemons: processor time, and the most memory that was seen. */
export async function measureDaemons<T>(
  pids: readonly number[],
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly cpuSeconds: readonly number[]; readonly residentMib: readonly number[] }> {
  const before = pids.map(costOf);
  const peaks = pids.map(residentMib);
  let over = false;
  const sampling = (async () => {
    while (!over) {
      for (const [index, pid] of pids.entries()) peaks[index] = Math.max(peaks[index] ?? 0, residentMib(pid));
      await delay(SAMPLE_MS);
    }
  })();
  try {
    const result = await work();
    return { result, cpuSeconds: pids.map((pid, index) => costOf(pid).cpuSeconds - (before[index]?.cpuSeconds ?? 0)), residentMib: peaks };
  } finally {
    over = true;
    await sampling;
  }
}

/** 0.5: the median. Of no numbers: NaN. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
