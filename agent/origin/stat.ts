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

/**
 * Virtual size of an image that is to be imported (contract 5.7). Reads the first 64 KiB; only a compressed raw image whose size stands nowhere
 * is read to its end, for at most 80 s. Changes nothing. Throws like an import; `timeout` when the size cannot be found in time.
 */
export async function statOrigin(
  origin: OriginOf,
  secret: Secret | undefined,
  rules: PathRules,
  options: { readonly signal: AbortSignal; readonly deadlineMs?: number },
): Promise<Bytes> {
  const deadline = AbortSignal.timeout(options.deadlineMs ?? DEADLINE_MS);
  const signal = AbortSignal.any([options.signal, deadline]);
  try {
    return await measure(origin, secret, rules, signal);
  } catch (thrown) {
    if (options.signal.aborted) throw abortError(options.signal);
    if (deadline.aborted) {
      throw new StorageError('timeout', `the size of ${origin.path} could not be found in time; register it decompressed, or as qcow2`);
    }
    throw withLabel(thrown, origin.path);
  }
}

async function measure(origin: OriginOf, secret: Secret | undefined, rules: PathRules, signal: AbortSignal): Promise<Bytes> {
  for (const budget = new RetryBudget(1, 1000); ; ) {
    const opened = await openOrigin(origin, secret, rules, { signal, budget });
    try {
      return bytes(await sizeOf(opened, origin, signal));
    } catch (thrown) {
      if (!(thrown instanceof RestartNeeded)) throw thrown;
    } finally {
      await opened.source.close();
    }
  }
}

async function sizeOf(opened: Opened, origin: OriginOf, signal: AbortSignal): Promise<number> {
  const label = origin.path;
  const content = await openContent(opened.source.stream, { label, noDecompress: origin.noDecompress }, { signal });
  try {
    // NO_DECOMPRESS is what FILE datastores have: any content, an empty one too.
    const judged = origin.noDecompress && content.head.length === 0 ? { format: 'raw', virtualSize: 0 } : judgeHead(content.head, label);
    return judged.format === 'qcow2' ? judged.virtualSize : await rawSize(opened, content, signal);
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
