import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { STAGE_PREFIX } from './stage.ts';
import { isArrivalMark } from './unended.ts';

/** Enough to say that something is wrong; the inspection of a datastore finds them all. */
const LIMIT = 1000;

/**
 * Temporary files of operations that are not under way, `<datastore>/<path>`: in each datastore, and in each directory in it. Names alone
 * are read; a directory that goes away meanwhile, or may not be read, has none.
 */
export async function temporaryFiles(datastores: string, isActive: (operationId: string) => boolean): Promise<readonly string[]> {
  const found: string[] = [];
  for (const id of await namesIn(datastores)) {
    if (!/^\d+$/u.test(id)) continue;
    for (const name of await namesIn(path.join(datastores, id))) {
      if (found.length >= LIMIT) return found;
      if (isStale(name, isActive)) found.push(`${id}/${name}`);
      else if (/^\d+$/u.test(name)) {
        const inside = await namesIn(path.join(datastores, id, name));
        found.push(...inside.filter((one) => isStale(one, isActive)).map((one) => `${id}/${name}/${one}`));
      }
    }
  }
  return found;
}

/** `.onestorage.<operation id>.<name>`: both may hold dots, so every possible id is asked for. */
export function isStale(name: string, isActive: (operationId: string) => boolean): boolean {
  if (!name.startsWith(STAGE_PREFIX) || isArrivalMark(name)) return false;
  const rest = name.slice(STAGE_PREFIX.length);
  return ![...rest.matchAll(/\./gu)].some(({ index }) => isActive(rest.slice(0, index)));
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return await readdir(directory).catch(() => []);
}
