import { StorageError } from '../../../runtime/errors.ts';
import { runOverSsh, type SshTarget } from '../../tools/ssh.ts';
import type { RepositoryContext } from './repository.ts';

/** How full the file system of a directory on another machine is. The directory is made when it is missing, as the stock drivers do. */
export async function remoteUsage(
  target: SshTarget,
  directory: string,
  context: RepositoryContext,
): Promise<{ readonly total: number; readonly used: number; readonly free: number }> {
  const commands = [
    ['mkdir', '-p', '--', directory],
    ['df', '-P', '-B1', '--', directory],
  ] as const;
  const { stdout } = await runOverSsh(target, commands, context);
  const [, total, used, free] = /\s(\d+)\s+(\d+)\s+(\d+)\s+\d+%\s/u.exec(stdout.trim().split('\n').at(-1) ?? '') ?? [];
  if (total === undefined || used === undefined || free === undefined) {
    throw new StorageError('tool_failed', `df on ${target.host}: its answer cannot be read`, { detail: stdout.slice(0, 1000) });
  }
  return { total: Number(total), used: Number(used), free: Number(free) };
}
