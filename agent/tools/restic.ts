import { once } from 'node:events';
import { StorageError } from '../../runtime/errors.ts';
import { Tail } from './output.ts';
import { meaningOf } from './restic-errors.ts';
import { type RunOptions, type RunResult, run, type StartedProcess, start, type ToolContext } from './run.ts';
import { type SecretFiles, secretFiles } from './secret-files.ts';
import { type SshTarget, sshAddress, sshOptions } from './ssh.ts';
import type { SshConnection } from './ssh-connection.ts';

/** How a repository is reached. */
export interface ResticAccess {
  /** For messages; holds no secret. */
  readonly label: string;
  /** As restic takes it; may hold a password. */
  readonly location: string;
  readonly password: string;
  /** AWS credentials file; undefined: none is needed. */
  readonly credentials: string | undefined;
  /** PEM; undefined: the system's. */
  readonly caCertificate: string | undefined;
  readonly insecureTls: boolean;
  /** `-o` options: "sftp.connections=5". */
  readonly options: readonly string[];
  /** For a repository behind sftp: what all calls share, because a handshake costs as much as most of them; undefined: it is elsewhere. */
  readonly connection: SshConnection | undefined;
  /** Index and tree of the repository, so that they are not fetched each time. */
  readonly cacheDirectory: string;
  readonly compression: string;
  /** 0: no limit. */
  readonly bytesPerSecond: number;
  readonly threads: number;
  readonly memoryBytes: number;
}

/** Descriptors of a child's files in their order (run.ts). */
const FIRST_DESCRIPTOR = 3;
/** Of the memory limit, what restic aims at: above it the kernel ends the process. */
const SOFT_MEMORY = 0.8;
const STDERR_TAIL = 64 * 1024;
const LONG_ENOUGH_MS = 10_000;

interface Prepared extends AsyncDisposable {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly files: readonly number[];
}

/** Runs restic to its end. Errors: those of restic-errors.ts, and of `run`. */
export async function restic(access: ResticAccess, words: readonly string[], options: RunOptions): Promise<RunResult> {
  const { connection } = access;
  if (connection === undefined) return await runRestic(access, words, undefined, options);
  return await connection.use(contextOf(options), (target) => runRestic(access, words, target, options));
}

async function runRestic(
  access: ResticAccess,
  words: readonly string[],
  target: SshTarget | undefined,
  options: RunOptions,
): Promise<RunResult> {
  await using prepared = await prepare(access, words, target);
  const { env, files } = prepared;
  const okCodes = Array.from({ length: 256 }, (_, code) => code);
  const result = await run('restic', prepared.args, { ...options, ...contextOf(options), env, files, okCodes });
  if ((options.okCodes ?? [0]).includes(result.code)) return result;
  throw meaningOf(access, words[0] ?? '', result.code, result.stderr);
}

/** A file of a snapshot as it is read out. Throws at its end when restic failed; ending the iteration early ends restic. */
export function dump(access: ResticAccess, snapshot: string, file: string, context: ToolContext): AsyncGenerator<Buffer> {
  const { connection } = access;
  const words = ['dump', '--no-lock', '--', snapshot, file];
  if (connection === undefined) return readDump(access, words, undefined, context);
  return connection.read(contextOf(context), (target) => readDump(access, words, target, context));
}

async function* readDump(
  access: ResticAccess,
  words: readonly string[],
  target: SshTarget | undefined,
  context: ToolContext,
): AsyncGenerator<Buffer> {
  const prepared = await prepare(access, words, target);
  let child: StartedProcess;
  try {
    child = await start('restic', prepared.args, { ...contextOf(context), env: prepared.env, files: prepared.files });
  } finally {
    // The child has its own by now.
    await prepared[Symbol.asyncDispose]();
  }
  const tail = new Tail(STDERR_TAIL);
  child.stderr.on('data', (chunk: Buffer) => tail.push(chunk));
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
    const { code } = await child.exited;
    if (code !== 0) {
      if (!child.stderr.closed) await once(child.stderr, 'close', { signal: AbortSignal.timeout(LONG_ENOUGH_MS) }).catch(() => undefined);
      context.signal.throwIfAborted();
      throw meaningOf(access, 'dump', code, tail.text());
    }
  } finally {
    await child.kill();
  }
}

async function prepare(access: ResticAccess, words: readonly string[], target: SshTarget | undefined): Promise<Prepared> {
  const texts: string[] = [];
  const asFile = (text: string): string => `/dev/fd/${FIRST_DESCRIPTOR + texts.push(text) - 1}`;
  const args = ['--repository-file', asFile(access.location), '--password-file', asFile(access.password)];
  args.push('--cache-dir', access.cacheDirectory, '--cleanup-cache');
  if (access.caCertificate !== undefined) args.push('--cacert', asFile(access.caCertificate));
  if (access.insecureTls) args.push('--insecure-tls');
  for (const option of access.options) args.push('-o', option);
  if (target !== undefined) args.push('-o', `sftp.command=${sftpCommand(target)}`);
  const rate = Math.max(1, Math.floor(access.bytesPerSecond / 1024));
  if (access.bytesPerSecond > 0) args.push(`--limit-upload=${rate}`, `--limit-download=${rate}`);
  const env: Record<string, string> = { RESTIC_PROGRESS_FPS: '2' };
  if (access.credentials !== undefined) env['AWS_SHARED_CREDENTIALS_FILE'] = asFile(access.credentials);
  if (access.threads > 0) env['GOMAXPROCS'] = String(access.threads);
  if (access.memoryBytes > 0) env['GOMEMLIMIT'] = String(Math.floor(access.memoryBytes * SOFT_MEMORY));
  const secrets: SecretFiles = await secretFiles(texts);
  return { args: [...args, ...words], env, files: secrets.descriptors, [Symbol.asyncDispose]: () => secrets[Symbol.asyncDispose]() };
}

/** restic splits it at blanks; no word of it has one. */
function sftpCommand(target: SshTarget): string {
  return ['ssh', ...sshOptions(target), sshAddress(target), '-s', 'sftp'].join(' ');
}

/** By name, because an operation's context may be an object of a class, of which a spread copies nothing. */
function contextOf({ signal, count, before }: ToolContext): ToolContext {
  return { signal, ...(count === undefined ? {} : { count: (figures) => count(figures) }), ...(before === undefined ? {} : { before }) };
}

/** The one JSON document, or the lines of JSON, that restic wrote. */
export function parseLines(text: string): readonly unknown[] {
  try {
    return text
      .split('\n')
      .filter((line) => line.startsWith('{') || line.startsWith('['))
      .map((line) => JSON.parse(line) as unknown);
  } catch (cause) {
    throw new StorageError('tool_failed', 'restic: its answer cannot be read', { detail: text.slice(0, 2000), cause });
  }
}
