import { stat } from 'node:fs/promises';
import { findProgram, PROGRAM_NAMES, PROGRAMS, type ProgramName } from './programs.ts';
import { run } from './run.ts';

/** What programs said, by the file that said it: whoever looks at a host would start them all. */
const said = new Map<string, string>();

/** What an installed program says of its version: `qemu-img 7.2.22`; `qemu-img` when it does not say. undefined: not installed. */
export async function programVersion(program: ProgramName, signal: AbortSignal): Promise<string | undefined> {
  const file = await findProgram(program);
  if (file === undefined) return undefined;
  const { ino, size, mtimeMs } = await stat(file);
  const key = `${file} ${ino} ${size} ${mtimeMs}`;
  const version = said.get(key) ?? (await ask(program, signal));
  // One that did not answer in time is asked again.
  if (version !== program) said.set(key, version);
  return version;
}

async function ask(program: ProgramName, signal: AbortSignal): Promise<string> {
  const { args, pattern } = PROGRAMS[program].version;
  try {
    // Some end with an error after they have said it.
    const { stdout, stderr } = await run(program, args, { signal, timeoutMs: 5000, okCodes: [0, 1, 2] });
    const version = pattern.exec(`${stdout}\n${stderr}`)?.[1];
    return version === undefined ? program : `${program} ${version}`;
  } catch {
    signal.throwIfAborted();
    return program;
  }
}

/** All programs of the table that this host has. */
export async function programVersions(signal: AbortSignal): Promise<readonly string[]> {
  const found: string[] = [];
  for (const program of PROGRAM_NAMES) {
    const version = await programVersion(program, signal);
    if (version !== undefined) found.push(version);
  }
  return found;
}
