import { spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';

/** Runs one action script the way OpenNebula's Ruby drivers do, and reads its output the way they do (contract 1.1, 1.4). */

export interface MadSite {
  /** `/var/lib/one/remotes`: holds tm/<driver>/<action> and datastore/<driver>/<action>. */
  readonly remotes: string;
  /** oned's environment, complete: nothing is added. */
  readonly environment: Readonly<Record<string, string>>;
  /** `/var/lib/one` */
  readonly directory: string;
  /** What the parser of output follows. */
  readonly version: '6.10' | '7';
}

export interface LogMessage {
  readonly severity: string;
  /** -1: not about one object; else the number the text began with, which oned takes for a VM id. */
  readonly objectId: number;
  readonly text: string;
}

export interface ActionResult {
  readonly action: string;
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What oned takes as the result (success) or shows as the error (failure). */
  readonly info: string;
  readonly log: readonly LogMessage[];
  /** Lines of standard output after the first: oned receives them as messages it does not know. */
  readonly undefinedMessages: readonly string[];
  readonly milliseconds: number;
}

export interface ShimCall {
  readonly action: string;
  readonly program: string;
  readonly argv: readonly string[];
  /** Undefined: standard input is empty and closed, as one_tm leaves it. */
  readonly stdin?: string;
  /** Sends SIGTERM to the script: what an admin, or a stopping oned, does. */
  readonly signal?: AbortSignal;
}

/** oned kills the readers 0.1 s after the script exits (contract 1.4); on a loaded machine we give them more before we call it an error. */
const READERS_LEFT_MS = 5_000;

export async function runShim(site: MadSite, call: ShimCall): Promise<ActionResult> {
  const started = performance.now();
  const child = spawn(call.program, call.argv, { cwd: site.directory, env: { ...site.environment }, stdio: 'pipe' });
  const terminate = () => child.kill('SIGTERM');
  call.signal?.addEventListener('abort', terminate, { once: true });
  child.stdin.on('error', () => undefined); // a script that does not read its input is fine
  child.stdin.end(call.stdin ?? '');
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const exit = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 255)); // killed by a signal: 255
  }).finally(() => call.signal?.removeEventListener('abort', terminate));
  const read = await within(Promise.all([stdout, stderr]), READERS_LEFT_MS);
  if (read === undefined) {
    child.stdout.destroy();
    child.stderr.destroy();
    throw new Error(`${call.action} left a process behind that holds its output: oned would lose the result`);
  }
  const [out, err] = read;
  return {
    action: call.action,
    exit,
    stdout: out,
    stderr: err,
    ...readOutput(site.version, exit, out, err),
    milliseconds: Math.round(performance.now() - started),
  };
}

/** The parser of contract 1.4, for both versions. */
export function readOutput(
  version: MadSite['version'],
  exit: number,
  stdout: string,
  stderr: string,
): Pick<ActionResult, 'info' | 'log' | 'undefinedMessages'> {
  const lines = stdout.replace(/\n$/, '').split('\n');
  const result = lines[0]?.trim() === '' ? '-' : (lines[0] ?? '-');
  const undefinedMessages = lines.slice(1);
  if (version === '6.10') return { info: exit === 0 ? result : stderr.replaceAll('\n', ' ').trim(), log: [], undefinedMessages };
  const log: LogMessage[] = [];
  let error = '';
  for (const line of stderr.split('\n').map((text) => text.trim())) {
    const message = /^(ERROR|INFO|WARN|DEBUG):\s+(\d+)?\s*(.*)$/.exec(line);
    if (message === null) error += line;
    else log.push({ severity: message[1] ?? '', objectId: Number(message[2] ?? -1), text: message[3] ?? '' });
  }
  return { info: exit === 0 ? result : error, log, undefinedMessages };
}

async function collect(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of stream) chunks.push(chunk as Buffer);
  } catch {
    // destroyed: what has come so far is the answer
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function within<T>(promise: Promise<T>, milliseconds: number): Promise<T | undefined> {
  const timer = Promise.withResolvers<undefined>();
  const handle = setTimeout(() => timer.resolve(undefined), milliseconds);
  return Promise.race([promise, timer.promise]).finally(() => clearTimeout(handle));
}
