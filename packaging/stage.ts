import { chmodSync, copyFileSync, lutimesSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { PackageFile } from './contents.ts';

/** Writes the files of a package below a directory, with the modes they are installed with. */
export function stage(files: readonly PackageFile[], root: string): void {
  for (const { path, content, executable } of files) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    if (typeof content === 'string' || Buffer.isBuffer(content)) writeFileSync(file, content);
    else copyFileSync(content.copyOf, file);
    chmodSync(file, executable ? 0o755 : 0o644);
  }
}

/** Gives everything below a directory one date, and directories one mode whatever the umask was. */
export function settle(root: string, date: number): void {
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) chmodSync(path, 0o755);
    lutimesSync(path, date, date);
  }
  chmodSync(root, 0o755);
  lutimesSync(root, date, date);
}
