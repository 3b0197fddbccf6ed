import { access, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import { failpoint } from '../../../runtime/failpoint.ts';
import type { Logger } from '../../../runtime/log.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import { type Domain, domainState, freeze, resume, suspend, thaw } from '../../tools/virsh.ts';
import { discard, flush, flushDirectory, publish, stagePath } from '../file/stage.ts';

/** FS_FREEZE: nothing, the guest agent freezes file systems, the guest is suspended. */
export const QUIET_MODES = ['none', 'agent', 'suspend'] as const;
export type QuietMode = (typeof QUIET_MODES)[number];

export interface Quiet {
  readonly mode: QuietMode;
  /** No guest is held longer. */
  readonly limitMs: number;
  /** Where notes of held guests lie. */
  readonly stateDirectory: string;
}

const Note = z.object({ uri: z.string(), domain: z.string(), mode: z.enum(['agent', 'suspend']) });
type Note = z.infer<typeof Note>;

const RETRY_MS = 2000;
const MAX_RETRY_MS = 60_000;
/** A guest that was destroyed or shut down is not held any more. */
const GONE = new Set(['not_found', 'conflict']);

const notes = (stateDirectory: string): string => path.join(stateDirectory, 'quiet');

/**
 * Does the work while the guest is held still, and lets it go whatever happens: at the latest after the limit, and by `releaseAll` after the
 * agent was killed. A note of it is on disk before the guest is held. Errors: of the freeze (guest_agent), of the work, timeout when the work
 * took longer than the limit: what it did then is not consistent and must be thrown away.
 */
export async function whileQuiet<T>(
  domain: Domain,
  quiet: Quiet,
  context: Pick<OperationContext, 'operationId' | 'log' | 'signal'>,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { mode, limitMs } = quiet;
  const over = new AbortController();
  // A cancelled operation lets the guest go at once.
  const signal = AbortSignal.any([over.signal, context.signal]);
  if (mode === 'none') return await work(signal);
  const { state } = await domainState(domain, { signal });
  // A guest that is paused already writes nothing, and whoever paused it lets it go.
  if (state !== 'running') return await work(signal);
  const file = await writeNote(quiet.stateDirectory, context.operationId, { uri: domain.uri, domain: domain.name, mode });
  const late = new StorageError(
    'timeout',
    `domain ${domain.name} was held for ${limitMs / 1000} s, the limit; it was let go, nothing was kept`,
  );
  const timer = setTimeout(() => over.abort(late), limitMs);
  try {
    await hold(domain, mode, limitMs, signal, file);
    await failpoint('guest.quiet', signal);
    const result = await work(signal);
    signal.throwIfAborted();
    return result;
  } finally {
    clearTimeout(timer);
    if (await exists(file)) await letGo(file, { uri: domain.uri, domain: domain.name, mode }, (text) => context.log('warn', text));
  }
}

/** Lets go of every guest that an agent held when it was killed. What libvirt does not answer to is tried again in the background. */
export async function releaseAll(stateDirectory: string, log: Logger): Promise<void> {
  for (const name of await readdir(notes(stateDirectory)).catch(() => [])) {
    const file = path.join(notes(stateDirectory), name);
    if (!name.endsWith('.json')) {
      await rm(file, { force: true });
      continue;
    }
    const note = Note.safeParse(JSON.parse(await readFile(file, 'utf8')));
    if (!note.success) continue;
    log.warn({ domain: note.data.domain, mode: note.data.mode }, 'lets go of a guest that was held when the agent ended');
    await letGo(file, note.data, (text) => log.warn(text));
  }
}

/** An agent that does not answer has frozen nothing: then there is nothing to let go, unless a thaw reaches it after all. */
async function hold(domain: Domain, mode: Note['mode'], limitMs: number, signal: AbortSignal, file: string): Promise<void> {
  if (mode === 'suspend') return await suspend(domain, { signal });
  try {
    await freeze(domain, limitMs, { signal });
  } catch (thrown) {
    const error = asStorageError(thrown);
    if (
      error.reason === 'guest_agent' &&
      (await tryLetGo(file, { uri: domain.uri, domain: domain.name, mode }))?.reason === 'guest_agent'
    ) {
      await forget(file);
    }
    throw error;
  }
}

async function writeNote(stateDirectory: string, operationId: string, note: Note): Promise<string> {
  await mkdir(notes(stateDirectory), { recursive: true, mode: 0o700 });
  const file = path.join(notes(stateDirectory), `${operationId}.json`);
  const stage = stagePath(file, operationId);
  await discard(stage);
  await writeFile(stage, JSON.stringify(note), { mode: 0o600 });
  await flush(stage);
  await publish(stage, file);
  return file;
}

/** Never throws: when it does not succeed at once, it goes on beside, less and less often, until the guest is let go or gone. */
async function letGo(file: string, note: Note, warn: (text: string) => void): Promise<void> {
  const failure = await tryLetGo(file, note);
  if (failure === undefined) return;
  warn(`domain ${note.domain} could not be let go yet, goes on trying: ${failure.message}`);
  void (async () => {
    for (let pause = RETRY_MS; ; pause = Math.min(pause * 2, MAX_RETRY_MS)) {
      await delay(pause, undefined, { ref: false });
      if ((await tryLetGo(file, note)) === undefined) return;
    }
  })();
}

async function tryLetGo(file: string, note: Note): Promise<StorageError | undefined> {
  const domain = { uri: note.uri, name: note.domain };
  // Not the operation's signal: a cancelled operation lets its guest go as well.
  const { signal } = new AbortController();
  try {
    if (note.mode === 'agent') await thaw(domain, { signal });
    else if ((await domainState(domain, { signal })).state === 'paused') await resume(domain, { signal });
  } catch (thrown) {
    const error = asStorageError(thrown);
    if (!GONE.has(error.reason)) return error;
  }
  await forget(file);
  return undefined;
}

async function forget(file: string): Promise<void> {
  await rm(file, { force: true });
  await flushDirectory(path.dirname(file));
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}
