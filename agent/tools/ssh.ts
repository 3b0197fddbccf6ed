import { StorageError } from '../../runtime/errors.ts';
import { lastLine, Tail } from './output.ts';
import { type RunOptions, type RunResult, run, start, type ToolContext } from './run.ts';

/** An account on another machine. */
export interface SshTarget {
  readonly host: string;
  readonly user: string;
  /** Client configuration to use instead of the user's own. */
  readonly config: string | undefined;
  /** Socket of a connection that stands (ssh-connection.ts); one that has gone meanwhile is done without. */
  readonly control?: string;
}

/** No question is ever asked, and a host that is gone is noticed. */
const OPTIONS = [
  'BatchMode=yes',
  'ConnectTimeout=15',
  'ServerAliveInterval=15',
  'ServerAliveCountMax=4',
  'ClearAllForwardings=yes',
] as const;

const FAILED = 255;
const STDERR_TAIL = 64 * 1024;

/** Words before the host, without blanks or quotes: rsync and restic split them at blanks. Error bad_argument. */
export function sshOptions({ config, control }: SshTarget): readonly string[] {
  const shared = control === undefined ? [] : ['-o', `ControlPath=${plain(control, 'the socket of ssh')}`, '-o', 'ControlMaster=no'];
  return [...(config === undefined ? [] : ['-F', plain(config, 'ssh_config')]), ...OPTIONS.flatMap((option) => ['-o', option]), ...shared];
}

/** user@host. Error bad_argument for what ssh, or a shell, could take for something else. */
export function sshAddress({ host, user }: SshTarget): string {
  if (!/^[A-Za-z0-9_][\w.-]{0,63}\$?$/u.test(user))
    throw new StorageError('bad_argument', `'${user.slice(0, 64)}' is not the name of a user`);
  if (!/^[A-Za-z0-9][A-Za-z0-9._:-]{0,254}$/u.test(host)) throw new StorageError('bad_argument', `'${host.slice(0, 255)}' is not a host`);
  return `${user}@${host}`;
}

function plain(word: string, what: string): string {
  if (/^\/[\w./@%+=:,-]*$/u.test(word)) return word;
  throw new StorageError('bad_argument', `${what}: '${word.slice(0, 255)}' must be an absolute path without blanks and quotes`);
}

/** A word as a POSIX shell reads it back: the other side hands the command to one. */
function quote(word: string): string {
  return /^[\w./:=@%+,-]+$/u.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A program and its arguments. */
export type Words = readonly [string, ...string[]];

function commandLine(target: SshTarget, commands: readonly Words[]): readonly string[] {
  return ['-T', ...sshOptions(target), '--', sshAddress(target), commands.map((words) => words.map(quote).join(' ')).join(' && ')];
}

/**
 * Runs programs on the other machine, each when the one before it has succeeded: one connection costs more than all of them. Errors:
 * repository_unreachable, and those of `run`; they name the first program, not ssh.
 */
export async function runOverSsh(target: SshTarget, commands: readonly [Words, ...Words[]], options: RunOptions): Promise<RunResult> {
  const { okCodes = [0], ...rest } = options;
  const all = Array.from({ length: 256 }, (_, code) => code);
  const result = await run('ssh', commandLine(target, commands), { ...rest, ...plainContext(options), okCodes: all });
  if (okCodes.includes(result.code)) return result;
  throw sshFailure(target, commands[0][0], result.code, result.stderr);
}

/** A file of the other machine as it is read. Throws at its end when it could not be read whole; ending the iteration early ends ssh. */
export async function* readOverSsh(target: SshTarget, file: string, context: ToolContext): AsyncGenerator<Buffer> {
  const child = await start('ssh', commandLine(target, [['cat', '--', file]]), plainContext(context));
  const tail = new Tail(STDERR_TAIL);
  child.stderr.on('data', (chunk: Buffer) => tail.push(chunk));
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
    const { code } = await child.exited;
    context.signal.throwIfAborted();
    if (code !== 0) throw sshFailure(target, 'cat', code, tail.text());
  } finally {
    await child.kill();
  }
}

/** What it means that a program ended with `code` on the other machine. */
export function sshFailure(target: SshTarget, program: string, code: number | null, stderr: string): StorageError {
  const said = lastLine(stderr).slice(0, 300);
  const detail = `ssh ${sshAddress(target)} ${program}: exit code ${code}\n${stderr}`;
  if (code === FAILED) {
    return new StorageError('repository_unreachable', `${target.host} cannot be reached by ssh: ${said === '' ? 'no answer' : said}`, {
      detail,
    });
  }
  if (/no space left|quota exceeded/iu.test(stderr)) return new StorageError('no_space', `no space left on ${target.host}`, { detail });
  return new StorageError('tool_failed', `${program} on ${target.host}: ${said === '' ? `exit code ${code}` : said}`, { detail });
}

/** By name, because an operation's context may be an object of a class, of which a spread copies nothing. */
function plainContext({ signal, count, before }: ToolContext): ToolContext {
  return { signal, ...(count === undefined ? {} : { count: (figures) => count(figures) }), ...(before === undefined ? {} : { before }) };
}
