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
const MAX_RETRY_MS = 10_000;
/** Whoever asked for the guest to be held does not wait longer for it to go on; the call goes on beside. */
const PATIENCE_MS = 3000;
/** Answers of a libvirt that waits for the guest agent itself: the next call must be there when that answers, or the guest stays frozen. */
const WAITS: ReadonlySet<string> = new Set(['busy', 'timeout']);
const SLOW = new StorageError('timeout', `no answer for ${PATIENCE_MS / 1000} s`);
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
    await hold(domain, quiet, signal, file);
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

/** An agent that does not answer at all has frozen nothing: then there is nothing to let go, unless a thaw reaches it after all. */
async function hold(domain: Domain, { mode, limitMs }: Quiet, signal: AbortSignal, file: string): Promise<void> {
  if (mode === 'suspend') return await suspend(domain, { signal });
  try {
    await freeze(domain, limitMs, { signal });
  } catch (thrown) {
    const error = asStorageError(thrown);
    // It took the order and hangs over it, as when a freeze hook of the guest does: it may yet freeze.
    if (error.reason === 'timeout') {
      const what = `the guest agent of domain ${domain.name} did not freeze its file systems within ${limitMs / 1000} s, the limit`;
      throw new StorageError('guest_agent', `${what}: nothing was kept, and if it freezes them yet they are thawed at once`);
    }
    if (
      error.reason === 'guest_agent' &&
      (await tryLetGo(file, { uri: domain.uri, domain: domain.name, mode: 'agent' }))?.reason === 'guest_agent'
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
  const first = tryLetGo(file, note);
  const failure = await Promise.race([first, delay(PATIENCE_MS, SLOW, { ref: false })]);
  if (failure === undefined) return;
  warn(`domain ${note.domain} could not be let go yet, goes on trying: ${failure.message}`);
  void (async () => {
    let pause = RETRY_MS;
    for (let last = await first; last !== undefined; last = await tryLetGo(file, note)) {
      await delay(pause, undefined, { ref: false });
      if (!WAITS.has(last.reason)) pause = Math.min(pause * 2, MAX_RETRY_MS);
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
