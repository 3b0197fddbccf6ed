import { constants } from 'node:fs';
import { type FileHandle, open, readlink, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize, relative } from 'node:path';
import { asStorageError, StorageError } from '../../runtime/errors.ts';

export interface PathRules {
  /** SAFE_DIRS of the datastore: wins over `restricted` and the built-in directories. */
  readonly safe: readonly string[];
  /** RESTRICTED_DIRS of the datastore. */
  readonly restricted: readonly string[];
  /** Refused whatever SAFE_DIRS says: keys and state of the agent. */
  readonly never: readonly string[];
}

/** Always restricted (contract 5.6), and the home of the agent's user. */
const BUILT_IN = ['/var/lib/one', '/etc/one'];

export interface AllowedFile {
  readonly handle: FileHandle;
  /** What was opened, without links. */
  readonly path: string;
  readonly size: number;
}

/**
 * Opens a local file once and checks what was opened (contract 5.6, but by path component): no link that is swapped between a check and the
 * use can lead elsewhere. Throws restricted_path, not_found, bad_argument (not a regular file).
 */
export async function openAllowed(path: string, rules: PathRules): Promise<AllowedFile> {
  const judge = await makeJudge(rules);
  const before = await stat(path).catch(async (thrown: unknown) => {
    // What is restricted must not tell whether it exists.
    judge(await canonicalAsFarAsItGoes(path), path);
    throw asStorageError(thrown, 'image');
  });
  // Opening a device or a pipe can have effects of its own, so its kind is asked for before. The check that counts comes after.
  if (!before.isFile()) {
    judge(await realpath(path).catch(() => normalize(path)), path);
    throw notRegular(path);
  }
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (thrown) {
    judge(await canonicalAsFarAsItGoes(path), path);
    throw asStorageError(thrown, 'image');
  }
  try {
    const opened = await readlink(`/proc/self/fd/${handle.fd}`);
    judge(opened, path);
    const info = await handle.stat();
    if (!info.isFile()) throw notRegular(path);
    if (info.nlink === 0) throw new StorageError('not_found', `${path}: removed while it was opened`);
    return { handle, path: opened, size: info.size };
  } catch (thrown) {
    await handle.close();
    throw asStorageError(thrown, 'image');
  }
}

function notRegular(path: string): StorageError {
  return new StorageError('bad_argument', `${path} is not a regular file; give the file of one image`);
}

type Judge = (canonical: string, asked: string) => void;

async function makeJudge(rules: PathRules): Promise<Judge> {
  for (const word of rules.safe) checkWord('SAFE_DIRS', word);
  for (const word of rules.restricted) checkWord('RESTRICTED_DIRS', word);
  const home = process.env['HOME'];
  const builtIn = home !== undefined && isAbsolute(home) && normalize(home) !== '/' ? [...BUILT_IN, home] : BUILT_IN;
  // A restricted directory that is a link restricts what it points at, too. A safe one is taken as it is written, like stock does.
  const restricted = await withCanonical([...builtIn, ...rules.restricted]);
  const never = await withCanonical(rules.never);
  return (canonical, asked) => {
    const forbidden = never.find((directory) => isWithin(canonical, directory));
    if (forbidden !== undefined) {
      throw new StorageError(
        'restricted_path',
        `${asked} may not be an image: it lies in ${forbidden}, which belongs to onestorage itself`,
      );
    }
    if (rules.safe.some((directory) => isWithin(canonical, directory))) return;
    const hit = restricted.find((directory) => isWithin(canonical, directory));
    if (hit === undefined) return;
    const direct = normalize(asked) === canonical;
    // RESTRICTED_DIRS is "/" by default: then the safe directories say more.
    const where =
      hit === '/'
        ? `it ${direct ? 'is' : 'leads'} outside SAFE_DIRS of the datastore (${rules.safe.join(' ') || 'empty'})`
        : `it ${direct ? 'lies in' : 'leads into'} ${hit}, which is restricted`;
    throw new StorageError('restricted_path', `${asked} may not be an image: ${where}`);
  };
}

/** A word that would silently mean nothing is refused: stock takes words as regular expressions, here they are directories. */
function checkWord(attribute: string, word: string): void {
  if (isAbsolute(word) && !/[*?[\]()|^$\\{}]/u.test(word)) return;
  throw new StorageError(
    'bad_argument',
    `${attribute} of the datastore holds "${word}"; write absolute directories, patterns are not supported`,
  );
}

async function withCanonical(directories: readonly string[]): Promise<string[]> {
  const found = await Promise.all(directories.map(async (directory) => [directory, await realpath(directory).catch(() => directory)]));
  return [...new Set(found.flat())];
}

/** By path component: /var/tmp holds /var/tmp/a, not /var/tmp_evil. */
export function isWithin(path: string, directory: string): boolean {
  const rest = relative(normalize(directory), path);
  return rest === '' || (rest !== '..' && !rest.startsWith('../') && !isAbsolute(rest));
}

/** The canonical form of the longest part that exists, with the rest behind it. */
async function canonicalAsFarAsItGoes(path: string): Promise<string> {
  const whole = normalize(path);
  let part = whole;
  while (part !== '/') {
    const canonical = await realpath(part).catch(() => undefined);
    if (canonical !== undefined) return join(canonical, relative(part, whole));
    part = dirname(part);
  }
  return whole;
}
