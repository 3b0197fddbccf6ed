import { StorageError } from '../../runtime/errors.ts';
import { type Bytes, bytes } from '../../runtime/units.ts';
import { xzSize } from '../tools/decompress.ts';
import { abortError } from '../tools/run.ts';
import type { PathRules } from './allow.ts';
import { type Content, judgeHead, openContent, withLabel } from './content.ts';
import { type Opened, openOrigin } from './open.ts';
import type { OriginOf, Secret } from './origin.ts';
import { RestartNeeded, RetryBudget } from './source.ts';

/** oned waits 90 s for the size of an image (contract 1.4); the answer has a way to go. */
const DEADLINE_MS = 80_000;

interface How {
  readonly signal: AbortSignal;
  /** A FILE datastore: any content, an empty one too. */
  readonly opaque: boolean;
}

/**
 * Virtual size of an image that is to be imported (contract 5.7). Reads the first 64 KiB; only a compressed raw image whose size stands nowhere
 * is read to its end, for at most 80 s. Changes nothing. Throws like an import; `timeout` when the size cannot be found in time.
 */
export async function statOrigin(
  origin: OriginOf,
  secret: Secret | undefined,
  rules: PathRules,
  options: { readonly signal: AbortSignal; readonly opaque: boolean; readonly deadlineMs?: number },
): Promise<Bytes> {
  const deadline = AbortSignal.timeout(options.deadlineMs ?? DEADLINE_MS);
  const signal = AbortSignal.any([options.signal, deadline]);
  try {
    return await measure(origin, secret, rules, { signal, opaque: options.opaque });
  } catch (thrown) {
    if (options.signal.aborted) throw abortError(options.signal);
    if (deadline.aborted) {
      throw new StorageError('timeout', `the size of ${origin.path} could not be found in time; register it decompressed, or as qcow2`);
    }
    throw withLabel(thrown, origin.path);
  }
}

async function measure(origin: OriginOf, secret: Secret | undefined, rules: PathRules, how: How): Promise<Bytes> {
  const { signal } = how;
  for (const budget = new RetryBudget(1, 1000); ; ) {
    const opened = await openOrigin(origin, secret, rules, { signal, budget });
    try {
      return bytes(await sizeOf(opened, origin, how));
    } catch (thrown) {
      if (!(thrown instanceof RestartNeeded)) throw thrown;
    } finally {
      await opened.source.close();
    }
  }
}

async function sizeOf(opened: Opened, origin: OriginOf, { signal, opaque }: How): Promise<number> {
  const label = origin.path;
  const content = await openContent(opened.source.stream, { label, noDecompress: origin.noDecompress }, { signal });
  try {
    if (!opaque) {
      const judged = judgeHead(content.head, label);
      if (judged.format === 'qcow2') return judged.virtualSize;
    }
    return await rawSize(opened, content, signal);
  } finally {
    await content.close();
  }
}

async function rawSize({ source, file }: Opened, content: Content, signal: AbortSignal): Promise<number> {
  if (content.compression === undefined && source.sizeBytes !== undefined) return source.sizeBytes;
  if (content.compression === 'xz' && file !== undefined) return await xzSize(`/proc/${process.pid}/fd/${file.handle.fd}`, { signal });
  let size = 0;
  for await (const chunk of content.stream) size += chunk.length;
  return size;
}
