import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { isRoot, temporaryDirectory } from '../../tools/context.ts';

/** Mounting needs root with the right to do it, which a container may lack. */
export const canMount = isRoot && tryMount();

function tryMount(): boolean {
  try {
    execFileSync('unshare', ['-m', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** An empty file system of a few MiB, mounted at `<datastores>/<id>`; gone after the test. */
export async function mountSmall(datastores: string, name: string, size: string): Promise<string> {
  const mountPoint = path.join(datastores, name);
  await mkdir(mountPoint, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', mountPoint]);
  onTestFinished(() => void execFileSync('umount', [mountPoint]));
  return mountPoint;
}

/** Registered after the directory, so that it is unmounted before the directory is removed. */
export async function smallDatastore(size: string): Promise<string> {
  const datastores = await temporaryDirectory();
  await mountSmall(datastores, '104', size);
  return datastores;
}
