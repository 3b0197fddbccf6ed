import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import type { BackupSite } from './backup-site.ts';

const ONESTORAGE = path.join(import.meta.dirname, '../../packaging/onestorage');
const execute = promisify(execFile);

/** What the program itself says, and how it ends. */
export async function backups(
  { cluster }: BackupSite,
  ...words: readonly string[]
): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  try {
    const { stdout, stderr } = await execute(ONESTORAGE, ['backups', ...words, '--socket', cluster.site.socket]);
    return { status: 0, out: stdout, err: stderr };
  } catch (thrown) {
    const { code, stdout, stderr } = thrown as { code: number; stdout: string; stderr: string };
    return { status: code, out: stdout, err: stderr };
  }
}
