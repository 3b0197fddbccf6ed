import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Processor time of one side: all its processes and threads, also those that have ended, and the kernel's work for them. */
export interface Account {
  /** What a process writes its number into to belong to it, with all that it starts from then on; undefined: no accounts on this machine. */
  readonly join: string | undefined;
  add(pid: number | undefined): void;
  seconds(): number;
  /** Ends what still runs in it. */
  close(): Promise<void>;
}

/** Clock ticks a second in /proc/stat; 100 on every Linux that Node runs on. */
const TICKS = 100;

/** A cgroup where root may make one; else the whole machine, which is right only when nothing else runs. */
export function openAccount(run: string, name: string): Account {
  for (const { parent, read } of hierarchies()) {
    const directory = path.join(parent, `${run}-${name}`);
    try {
      mkdirSync(directory);
      read(directory);
    } catch {
      continue;
    }
    const join = path.join(directory, 'cgroup.procs');
    return {
      join,
      add: (pid) => {
        if (pid !== undefined) writeFileSync(join, String(pid));
      },
      seconds: () => read(directory),
      close: () => remove(directory, join),
    };
  }
  return { join: undefined, add: () => undefined, seconds: machineSeconds, close: async () => undefined };
}

/** Those that a run could not close itself. */
export async function removeAccounts(run: string): Promise<void> {
  for (const { parent } of hierarchies()) {
    const left = readdirSync(parent).filter((name) => name.startsWith(`${run}-`));
    for (const name of left) await remove(path.join(parent, name), path.join(parent, name, 'cgroup.procs'));
  }
}

/** user + nice + system + irq + softirq of the machine; neither idle nor waiting for a disk. */
export function machineSeconds(): number {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '';
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.trim().split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) / TICKS;
}

interface Hierarchy {
  readonly parent: string;
  read(directory: string): number;
}

/** cgroup 2 counts processor time without a controller; cpuacct is its ancestor. */
function hierarchies(): Hierarchy[] {
  const found: Hierarchy[] = [];
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const parent = before.split(' ')[4] ?? '';
    const [type = '', , options = ''] = after.split(' ');
    if (type === 'cgroup2') found.unshift({ parent, read: (at) => usage(at, 'cpu.stat', /^usage_usec (\d+)/m, 1e6) });
    else if (type === 'cgroup' && /\bcpuacct\b/.test(options))
      found.push({ parent, read: (at) => usage(at, 'cpuacct.usage', /^(\d+)/, 1e9) });
  }
  return found;
}

function usage(directory: string, file: string, pattern: RegExp, unit: number): number {
  const [, digits] = pattern.exec(readFileSync(path.join(directory, file), 'utf8')) ?? [];
  if (digits === undefined) throw new Error(`${directory}/${file} has no processor time`);
  return Number(digits) / unit;
}

const REMOVE_TRIES = 50;

async function remove(directory: string, procs: string): Promise<void> {
  for (let tries = 0; tries < REMOVE_TRIES; tries += 1) {
    try {
      for (const pid of readFileSync(procs, 'utf8').split('\n').filter(Boolean)) process.kill(Number(pid), 'SIGKILL');
      rmdirSync(directory);
      return;
    } catch {
      await delay(20); // not all of them have gone yet
    }
  }
}
