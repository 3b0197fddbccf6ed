import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { type Account, machineSeconds } from './account.ts';
import { lastTask, loopbackBytes } from './isolate.ts';

/** What some work took. */
export interface Measured {
  readonly seconds: number;
  /** Of one side: both ends, everything it started. */
  readonly cpuSeconds: number;
  /** Of the whole machine, to check the number above against on a quiet machine. */
  readonly machineCpuSeconds: number;
  /** Through the loopback; undefined where it is not ours alone. */
  readonly wireBytes: number | undefined;
  /** From disks, by the whole machine: what lies in memory already is not in it. */
  readonly readBytes: number;
  /** Processes and threads started. */
  readonly tasks: number | undefined;
}

/** Runs lines of sh in a side's account, as its caller does it: one action after another, each must succeed. */
export async function measureScript(account: Account, script: string, env: Readonly<Record<string, string>>): Promise<Measured> {
  const join = account.join === undefined ? '' : `echo $$ >'${account.join}' && `;
  const before = { cpu: account.seconds(), machine: machineSeconds(), wire: loopbackBytes(), read: diskReadBytes(), task: lastTask() };
  const started = performance.now();
  await runShell(`${join}eval "$1"`, script, env);
  const seconds = (performance.now() - started) / 1000;
  return {
    seconds,
    cpuSeconds: account.seconds() - before.cpu,
    machineCpuSeconds: machineSeconds() - before.machine,
    wireBytes: less(loopbackBytes(), before.wire),
    readBytes: diskReadBytes() - before.read,
    tasks: less(less(lastTask(), before.task), 1),
  };
}

function diskReadBytes(): number {
  return Number(/^pgpgin (\d+)$/m.exec(readFileSync('/proc/vmstat', 'utf8'))?.[1]) * 1024;
}

function less(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a - b;
}

function runShell(first: string, script: string, env: Readonly<Record<string, string>>): Promise<void> {
  const child = spawn('sh', ['-c', first, 'sh', `set -e\n${script}`], { env: { ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4000);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    // `exit`, not `close`: a shared ssh connection that stays may hold the pipe.
    child.once('exit', (code) => {
      child.stderr.destroy();
      if (code === 0) resolve();
      else reject(new Error(`a measured script ended with ${code}:\n${said.trim()}\n--- ${script.slice(0, 600)}`));
    });
  });
}

/** Each number by itself: one disturbed run counts for nothing. */
export function median(runs: readonly Measured[], per = 1): Measured {
  const of = (pick: (run: Measured) => number | undefined) => middle(runs.map(pick).filter((value) => value !== undefined));
  return {
    seconds: (of((run) => run.seconds) ?? Number.NaN) / per,
    cpuSeconds: (of((run) => run.cpuSeconds) ?? Number.NaN) / per,
    machineCpuSeconds: (of((run) => run.machineCpuSeconds) ?? Number.NaN) / per,
    wireBytes: divided(
      of((run) => run.wireBytes),
      per,
    ),
    readBytes: (of((run) => run.readBytes) ?? Number.NaN) / per,
    tasks: divided(
      of((run) => run.tasks),
      per,
    ),
  };
}

function divided(value: number | undefined, per: number): number | undefined {
  return value === undefined ? undefined : value / per;
}

function middle(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
