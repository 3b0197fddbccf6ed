import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** What must not be there any more when an action has ended. */

/** Programs of the site that are still running: those whose command line names a file below it. Daemons are given to be left out. */
export function processesOf(directory: string, except: readonly (number | undefined)[] = []): { pid: number; command: string }[] {
  const found: { pid: number; command: string }[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid || except.includes(pid)) continue;
    const command = read(`/proc/${name}/cmdline`).replaceAll('\0', ' ').trim();
    if (command.includes(directory)) found.push({ pid, command });
  }
  return found;
}

/** Names below a directory, relative to it, links not followed; directories end with "/". */
export function tree(directory: string): string[] {
  const entries = list(directory);
  return entries
    .flatMap((entry) => {
      if (!entry.isDirectory()) return [entry.name];
      return [`${entry.name}/`, ...tree(path.join(directory, entry.name)).map((below) => `${entry.name}/${below}`)];
    })
    .sort();
}

/** Temporary names of unfinished work. */
export function temporaryNames(directory: string): string[] {
  return tree(directory).filter((name) => path.basename(name).startsWith('.onestorage.'));
}

function list(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // it ended in the meantime
  }
}
