import { readFile, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { StorageError } from '../../runtime/errors.ts';
import { lastLine, Tail } from './output.ts';
import { abortError, type StartedProcess, start, type ToolContext } from './run.ts';

export interface NbdkitOptions {
  /** Absolute. Served read-only. */
  readonly file: string;
  /** Clients must name it. */
  readonly exportName: string;
  readonly port: number;
  /** IP address to listen on; undefined: all. */
  readonly address: string | undefined;
  /** Directory with ca-cert.pem, server-cert.pem and server-key.pem; clients need a certificate of the same authority. */
  readonly certificates: string;
  /** Written when it listens; must not exist. */
  readonly pidFile: string;
  /** 0: no limit. */
  readonly bytesPerSecond: number;
}

/** A connection. More make it no faster, and cost CPU. */
const THREADS = 4;
const START_MS = 10_000;
const LOOK_EVERY_MS = 4;

/** Serves a file until it is killed. It listens when this returns. Errors: in_use (the port), missing_program, tool_failed, timeout, cancelled. */
export async function startNbdkit(options: NbdkitOptions, context: ToolContext): Promise<StartedProcess> {
  const { file, exportName, port, address, certificates, pidFile, bytesPerSecond } = options;
  const limited = bytesPerSecond > 0;
  await rm(pidFile, { force: true });
  const child = await start(
    'nbdkit',
    [
      '--readonly',
      '--foreground',
      `--threads=${THREADS}`,
      `--port=${port}`,
      ...(address === undefined ? [] : [`--ipaddr=${address}`]),
      '--tls=require',
      '--tls-verify-peer',
      `--tls-certificates=${certificates}`,
      `--pidfile=${pidFile}`,
      '--filter=exportname',
      ...(limited ? ['--filter=rate'] : []),
      'file',
      `file=${file}`,
      'fadvise=sequential',
      `exportname=${exportName}`,
      'exportname-strict=true',
      'exportname-list=empty',
      ...(limited ? [`rate=${Math.ceil(bytesPerSecond) * 8}`] : []),
    ],
    context,
  );
  const said = new Tail(8192);
  child.stdout.resume();
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  let ended = false;
  void child.exited.then(() => {
    ended = true;
  });
  const giveUp = Date.now() + START_MS;
  while (!(await isWritten(pidFile))) {
    if (context.signal.aborted) throw abortError(context.signal);
    if (ended) throw startFailure(said.text(), port);
    if (Date.now() > giveUp) {
      await child.kill();
      throw new StorageError('timeout', `nbdkit did not start within ${START_MS / 1000} s`, { detail: said.text() });
    }
    await delay(LOOK_EVERY_MS);
  }
  return child;
}

async function isWritten(pidFile: string): Promise<boolean> {
  const text = await readFile(pidFile, 'utf8').catch(() => '');
  return text.includes('\n');
}

function startFailure(said: string, port: number): StorageError {
  if (/address already in use/iu.test(said)) return new StorageError('in_use', `port ${port} is in use`);
  const line = lastLine(said).replace(/^nbdkit: /u, '');
  return new StorageError('tool_failed', line === '' ? 'nbdkit did not start' : `nbdkit: ${line}`, { detail: said });
}
