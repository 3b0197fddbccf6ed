import { readdir, readlink } from 'node:fs/promises';

/**
 * A process of this host that has the file, or one below it, open: `/proc` says it, so it is true also for what OpenNebula does not know of.
 * Processes of users this one may not look at are not seen.
 */
export async function openedBy(target: string): Promise<{ readonly pid: number; readonly file: string } | undefined> {
  for (const pid of await names('/proc')) {
    if (!/^\d+$/u.test(pid)) continue;
    for (const descriptor of await names(`/proc/${pid}/fd`)) {
      const file = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '');
      if (file === target || file.startsWith(`${target}/`)) return { pid: Number(pid), file };
    }
  }
  return undefined;
}

/** Processes end while they are looked at, and some may not be looked at. */
async function names(directory: string): Promise<readonly string[]> {
  return await readdir(directory).catch(() => []);
}
