import { access, mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StorageError } from '../../runtime/errors.ts';
import { Tail } from './output.ts';
import { type StartedProcess, start, type ToolContext } from './run.ts';
import { type SshTarget, sshAddress, sshFailure, sshOptions } from './ssh.ts';

/** A handshake costs more than most commands: those of one user of a connection share one. */
export interface SshConnection {
  /** Does work with the connection, which is opened when there is none. Errors: repository_unreachable, and those of the work. */
  use<T>(context: ToolContext, work: (target: SshTarget) => Promise<T>): Promise<T>;
  /** The same for what is read as it comes. */
  read(context: ToolContext, work: (target: SshTarget) => AsyncIterable<Buffer>): AsyncGenerator<Buffer>;
}

/** After its last use. */
const IDLE_MS = 5000;
const LOOK_MS = 10;
const STDERR_TAIL = 16 * 1024;

interface Master {
  readonly child: StartedProcess;
  readonly target: SshTarget;
  readonly directory: string;
}

/**
 * Nothing is started before it is used. It ends by itself some seconds after its last use; what it led to is not ended by a cancel of one use. The
 * limits of whoever opens it hold for it: it does the work of all that goes through it.
 */
export function sshConnection(target: SshTarget): SshConnection {
  let opened: Promise<Master> | undefined;
  let users = 0;
  let idle: NodeJS.Timeout | undefined;

  const close = (): void => {
    const closing = opened;
    opened = undefined;
    void closing?.then(end, () => undefined);
  };
  const enter = async (context: ToolContext): Promise<SshTarget> => {
    users += 1;
    clearTimeout(idle);
    // One that has ended since, with its server, is opened anew.
    const before = await opened?.catch(() => undefined);
    if (before !== undefined && !(await isThere(controlOf(before)))) close();
    opened ??= open(target, context);
    return (await opened).target;
  };
  const leave = (): void => {
    users -= 1;
    if (users === 0) idle = setTimeout(close, IDLE_MS).unref();
  };
  return {
    async use(context, work) {
      try {
        return await work(await enter(context));
      } finally {
        leave();
      }
    },
    async *read(context, work) {
      try {
        yield* work(await enter(context));
      } finally {
        leave();
      }
    },
  };
}

/** Waits until the connection stands. */
async function open(target: SshTarget, context: ToolContext): Promise<Master> {
  await sweep();
  const directory = await mkdtemp(path.join(os.tmpdir(), `onestorage-ssh-${process.pid}-`));
  const control = path.join(directory, 'control');
  const tail = new Tail(STDERR_TAIL);
  const own = new AbortController();
  const { count, before } = context;
  const more = { ...(count === undefined ? {} : { count }), ...(before === undefined ? {} : { before }) };
  const words = ['-M', '-N', '-T', ...sshOptions(target), '-S', control, '-o', 'ControlPersist=no', '--', sshAddress(target)];
  let child: StartedProcess | undefined;
  try {
    child = await start('ssh', words, { ...more, signal: own.signal });
    child.stdout.resume();
    child.stderr.on('data', (chunk: Buffer) => tail.push(chunk));
    let ended = false;
    void child.exited.then(() => {
      ended = true;
    });
    while (!(await isThere(control))) {
      if (ended) throw sshFailure(target, 'ssh', 255, tail.text());
      await sleep(LOOK_MS, undefined, { signal: context.signal });
    }
    return { child, directory, target: { ...target, control } };
  } catch (thrown) {
    await child?.kill();
    await rm(directory, { recursive: true, force: true });
    if (context.signal.aborted) throw context.signal.reason instanceof StorageError ? context.signal.reason : thrown;
    throw thrown;
  }
}

async function end({ child, directory }: Master): Promise<void> {
  await child.kill();
  await rm(directory, { recursive: true, force: true });
}

/** Removes the directories of agents that were killed; ssh itself ends with its agent. */
async function sweep(): Promise<void> {
  for (const name of await readdir(os.tmpdir())) {
    const pid = /^onestorage-ssh-(\d+)-/u.exec(name)?.[1];
    // What another user has made is not ours to remove.
    if (pid !== undefined && !(await isThere(`/proc/${pid}`)))
      await rm(path.join(os.tmpdir(), name), { recursive: true }).catch(() => undefined);
  }
}

function controlOf({ directory }: Master): string {
  return path.join(directory, 'control');
}

async function isThere(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}
