import { StorageError } from '../../runtime/errors.ts';
import { type RunOptions, run, type ToolContext } from './run.ts';
import { type SshTarget, sshAddress, sshFailure, sshOptions } from './ssh.ts';

export interface RsyncOptions {
  /** Instead of -aS (RSYNC_ARGS, contract 4). */
  readonly words: readonly string[];
  /** 0: no limit. */
  readonly bytesPerSecond: number;
  readonly onProgress: (doneBytes: number) => void;
}

/** Options that would start another program, or name another server, than the caller means. */
const REFUSED = /^(?:-[A-Za-z]*e|--rsh|--rsync-path|--files-from|--remove-source-files|--delete|--daemon|--password-file)/u;

/** Checks RSYNC_ARGS: options alone, and none that start programs or delete. Error bad_argument. */
export function checkRsyncWords(words: readonly string[]): readonly string[] {
  const wrong = words.find((word) => !/^-[\w=.,:/%+@-]+$/u.test(word) || REFUSED.test(word));
  if (wrong !== undefined) throw new StorageError('bad_argument', `RSYNC_ARGS: '${wrong.slice(0, 100)}' cannot be used`);
  return words;
}

/**
 * Sends the named files of a directory into a directory of the other machine, which must exist; what is there under a name is brought up to
 * date. Errors: repository_unreachable, no_space, tool_failed.
 */
export async function sendFiles(
  directory: string,
  names: readonly string[],
  to: { readonly target: SshTarget; readonly directory: string },
  options: RsyncOptions,
  context: ToolContext,
): Promise<void> {
  const { words, bytesPerSecond, onProgress } = options;
  const limit = bytesPerSecond > 0 ? [`--bwlimit=${Math.max(1, Math.floor(bytesPerSecond / 1024))}`] : [];
  const shell = ['ssh', ...sshOptions(to.target)].join(' ');
  const args = [...(words.length === 0 ? ['-aS'] : words), ...limit, '--partial', '--info=progress2', '--protect-args', '-e', shell, '--'];
  const onLine: RunOptions['onLine'] = (line) => {
    const done = /^\s*([\d,]+)\s+\d+%/u.exec(line)?.[1];
    if (done !== undefined) onProgress(Number(done.replaceAll(',', '')));
  };
  const { signal, count, before } = context;
  const more = { ...(count === undefined ? {} : { count }), ...(before === undefined ? {} : { before }) };
  const all = Array.from({ length: 256 }, (_, code) => code);
  const sources = names.map((name) => `./${name}`);
  const result = await run('rsync', [...args, ...sources, `${sshAddress(to.target)}:${to.directory}/`], {
    signal,
    ...more,
    cwd: directory,
    onLine,
    okCodes: all,
  });
  if (result.code !== 0) throw rsyncFailure(to.target, result.code, result.stderr);
}

/** Codes with which rsync says that the connection, not the data, is the matter: protocol, stream, timeout, killed, ssh's own. */
const CONNECTION = new Set([5, 10, 12, 30, 35, 255]);

function rsyncFailure(target: SshTarget, code: number, stderr: string): StorageError {
  const first = stderr.split('\n').find((line) => line.trim() !== '') ?? '';
  if (CONNECTION.has(code) && !/no space left|quota exceeded/iu.test(stderr)) return sshFailure(target, 'rsync', 255, first);
  return sshFailure(target, 'rsync', code === 255 ? 1 : code, stderr);
}
