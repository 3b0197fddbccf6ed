import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { removeAccounts } from './account.ts';

/**
 * The bench runs itself again in a network and process namespace of its own: then the loopback's counter is the traffic of the two sides,
 * the last process number tells how many processes and threads they started, and nothing it started can outlive it.
 */

const MARK = 'ONESTORAGE_BENCH_ISOLATED';
const NAMESPACES = ['--net', '--pid', '--fork', '--mount-proc', '--kill-child'];

export const isolated = process.env[MARK] !== undefined;

/** The exit code of the isolated run; undefined when this is it, or when the machine does not let us (not root). */
export async function runIsolated(program: string, argv: readonly string[]): Promise<number | undefined> {
  if (isolated || process.getuid?.() !== 0) return undefined;
  if (spawnSync('unshare', [...NAMESPACES, 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' }).status !== 0) return undefined;
  // The shell stays, as the process 1 that collects what nobody waits for.
  const words = [...NAMESPACES, 'sh', '-c', 'ip link set lo up && "$@"; exit $?', 'sh', process.execPath, program, ...argv];
  // Also a run that is killed leaves nothing behind.
  const directory = mkdtempSync(path.join(os.tmpdir(), 'ones-bench-'));
  const child = spawn('unshare', words, { stdio: 'inherit', env: { ...process.env, TMPDIR: directory, [MARK]: path.basename(directory) } });
  const stop = () => child.kill('SIGKILL');
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, stop);
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status) => resolve(status ?? 1));
  });
  await removeAccounts(path.basename(directory));
  rmSync(directory, { recursive: true, force: true });
  return code;
}

/** Part of every name that this run makes outside of its directory. */
export function runName(): string {
  return process.env[MARK] ?? `ones-bench-${process.pid}`;
}

/** Bytes that went through the loopback: TCP and IP headers, TLS or ssh, and the API's calls included. Undefined where others use it too. */
export function loopbackBytes(): number | undefined {
  if (!isolated) return undefined;
  const line = readFileSync('/proc/self/net/dev', 'utf8')
    .split('\n')
    .find((text) => text.trim().startsWith('lo:'));
  return Number(line?.split(':')[1]?.trim().split(/\s+/)[8] ?? Number.NaN);
}

/** The number of the process or thread started last. */
export function lastTask(): number | undefined {
  return isolated ? Number(readFileSync('/proc/sys/kernel/ns_last_pid', 'utf8')) : undefined;
}
