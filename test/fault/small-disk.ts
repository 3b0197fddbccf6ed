import { execFile } from 'node:child_process';
import { mkdtempSync, rmdirSync, statfsSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** A small file system in place of a directory: the way to a disk that is really full. */
export interface SmallDisk {
  /** Leaves `freeKb` free, by a file that is no part of any datastore. */
  fill(freeKb: number): Promise<void>;
  /** Takes that file away again. */
  empty(): Promise<void>;
  unmount(): Promise<void>;
}

const BALLAST = 'ballast';

/** Only root may mount, and not in every container. */
export async function canMount(): Promise<boolean> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'onestorage-mount-'));
  try {
    const disk = await mountSmallDisk(directory, 1);
    await disk.unmount();
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(directory);
  }
}

/** Mounts an empty tmpfs of `sizeMb` over the directory. */
export async function mountSmallDisk(directory: string, sizeMb: number): Promise<SmallDisk> {
  await execute('mount', ['-t', 'tmpfs', '-o', `size=${sizeMb}m`, 'onestorage-test', directory]);
  const ballast = path.join(directory, BALLAST);
  return {
    fill: async (freeKb) => {
      const { bavail, bsize } = statfsSync(directory);
      const handle = await open(ballast, 'w');
      try {
        await handle.writeFile(Buffer.alloc(Math.max(0, bavail * bsize - freeKb * 1024)));
      } finally {
        await handle.close();
      }
    },
    empty: () => rm(ballast, { force: true }),
    unmount: async () => {
      // Lazily: a program that is about to end may still stand in it.
      await execute('umount', ['-l', directory]);
    },
  };
}
