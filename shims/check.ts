import { readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DRIVER_NAMES, type DriverName, directoryOf, linkNames } from './farm.ts';
import { LINK_TEXT, SHIM } from './install.ts';

export interface ShimProblem {
  /** Below the remotes directory. */
  readonly path: string;
  readonly text: string;
}

/**
 * Is what `installShims` makes there, whole and of this version? Drivers without a directory are left alone, unless they are `needed`. Changes
 * nothing. Throws what the file system says of the remotes directory itself.
 */
export async function checkShims(root: string, program: string, needed: ReadonlySet<DriverName>): Promise<readonly ShimProblem[]> {
  await stat(root);
  const problems: ShimProblem[] = [];
  const shim = await readFile(join(root, SHIM), 'utf8').catch(() => undefined);
  if (shim === undefined) problems.push({ path: SHIM, text: 'the action program is missing' });
  else if (shim !== program) problems.push({ path: SHIM, text: 'the action program is of another version' });
  else if (((await stat(join(root, SHIM))).mode & 0o111) !== 0o111)
    problems.push({ path: SHIM, text: 'the action program cannot be executed' });
  for (const driver of DRIVER_NAMES) problems.push(...(await checkDriver(root, driver, needed.has(driver))));
  return problems;
}

async function checkDriver(root: string, driver: DriverName, needed: boolean): Promise<readonly ShimProblem[]> {
  const path = directoryOf(driver);
  const isThere = await stat(join(root, path)).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isThere) return needed ? [{ path, text: 'the driver is not installed, but a datastore uses it' }] : [];
  const links = await Promise.all(linkNames(driver).map(async (name) => ({ name, ok: await isShim(join(root, path, name)) })));
  const missing = links.filter(({ ok }) => !ok).map(({ name }) => name);
  if (missing.length === 0) return [];
  const more = missing.length > 3 ? ` and ${missing.length - 3} more` : '';
  return [{ path, text: `${missing.slice(0, 3).join(', ')}${more} missing, or not made by onestorage` }];
}

async function isShim(path: string): Promise<boolean> {
  return (await readlink(path).catch(() => undefined)) === LINK_TEXT;
}
