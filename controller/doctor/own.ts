import { readdir, readFile, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { asStorageError } from '../../runtime/errors.ts';
import { loadIdentity } from '../../runtime/identity/identity.ts';
import { formatBytes, MIB } from '../../runtime/units.ts';
import type { ControllerConfig } from '../config.ts';
import { must, type Problem } from './check.ts';

/** What the controller itself stands on: its certificate, its login at OpenNebula, its journal. */

const DAY = 24 * 3600 * 1000;
const SOON_DAYS = 30;
/** A journal holds some KiB for each action. */
const LITTLE_SPACE = 256 * MIB;
const LARGE_JOURNAL = 512 * MIB;

export async function checkIdentity({ pki }: ControllerConfig, now: number): Promise<readonly Problem[]> {
  const remedy = 'issue one: onestorage pki issue AUTHORITY --role controller --host NAME --out DIRECTORY, and run this as its owner';
  let notAfter = Number.POSITIVE_INFINITY;
  const failed = await must(pki, remedy, async () => {
    notAfter = (await loadIdentity(pki, 'controller')).notAfter.getTime();
  });
  return failed.length > 0 ? failed : expiry(pki, notAfter, now);
}

export function expiry(subject: string, notAfter: number, now: number): readonly Problem[] {
  const days = Math.floor((notAfter - now) / DAY);
  if (days >= SOON_DAYS) return [];
  const text = days < 0 ? 'the certificate has expired' : `the certificate ends in ${days} days`;
  const remedy = 'onestorage pki renew AUTHORITY DIRECTORY, and restart the daemon';
  return [{ severity: days < 0 ? 'error' : 'warning', subject, text, remedy }];
}

export async function checkLogin({ opennebula }: ControllerConfig): Promise<readonly Problem[]> {
  const file = opennebula.auth_file;
  const remedy = "let opennebula.auth_file name oneadmin's one_auth (user:password on one line), readable by the controller";
  const problem = (severity: Problem['severity'], text: string, what = remedy): Problem => ({
    severity,
    subject: file,
    text,
    remedy: what,
  });
  try {
    const { mode } = await stat(file);
    const text = (await readFile(file, 'utf8')).split('\n')[0] ?? '';
    if (!text.includes(':')) return [problem('error', 'it does not begin with user:password')];
    return (mode & 0o004) === 0 ? [] : [problem('warning', 'everybody can read it', `chmod 600 ${file}`)];
  } catch (thrown) {
    return [problem('error', asStorageError(thrown).message)];
  }
}

export async function checkState({ state_directory: directory }: ControllerConfig): Promise<readonly Problem[]> {
  const names = await readdir(directory).catch(() => undefined);
  if (names === undefined) {
    const remedy = 'the controller makes it when it starts: run this as the same user, and look why it did not start';
    return [{ severity: 'error', subject: directory, text: 'the directory is not there, or may not be read', remedy }];
  }
  const { bavail, bsize } = await statfs(directory);
  const journal = names.filter((name) => name.startsWith('operations.db'));
  const sizes = await Promise.all(journal.map(async (name) => (await stat(join(directory, name))).size));
  return stateProblems(
    directory,
    bavail * bsize,
    sizes.reduce((sum, size) => sum + size, 0),
  );
}

/** Of the controller or an agent. */
export function stateProblems(subject: string, freeBytes: number, journalBytes: number): readonly Problem[] {
  const problems: Problem[] = [];
  if (freeBytes < LITTLE_SPACE) {
    const text = `only ${formatBytes(freeBytes)} are free: without space for its journal nothing is begun`;
    problems.push({ severity: freeBytes < LITTLE_SPACE / 8 ? 'error' : 'warning', subject, text, remedy: 'free space on its file system' });
  }
  if (journalBytes > LARGE_JOURNAL) {
    const text = `the journal takes ${formatBytes(journalBytes)}`;
    problems.push({ severity: 'warning', subject, text, remedy: 'look for operations that never end: onestorage ops list' });
  }
  return problems;
}
