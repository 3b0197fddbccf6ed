import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Runs a program to its end; its standard output. Throws with what it said. */
export async function tool(program: string, argv: readonly string[], options: { readonly cwd?: string } = {}): Promise<string> {
  const { stdout } = await execute(program, [...argv], { ...options, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, env: plain() });
  return stdout;
}

function plain(): NodeJS.ProcessEnv {
  return { PATH: `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`, HOME: process.env['HOME'], LC_ALL: 'C' };
}
