import { chmod } from 'node:fs/promises';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { OperationContext } from '../../runtime/operations/types.ts';
import { discard } from '../backends/file/stage.ts';
import { copyAllocated, copySparse } from '../tools/cp.ts';
import type { AllowedFile, PathRules } from './allow.ts';
import { type Checksum, Hashers, verifyFile } from './checksums.ts';
import { judgeHead, openContent, withLabel } from './content.ts';
import { limitRate } from './limit.ts';
import { watchChanges } from './local.ts';
import { Meter } from './meter.ts';
import { type Opened, openOrigin } from './open.ts';
import type { OriginOf, Secret } from './origin.ts';
import { RestartNeeded, RetryBudget } from './source.ts';
import { writeSparse } from './sparse-file.ts';

export interface FetchPlan {
  readonly origin: OriginOf;
  readonly secret: Secret | undefined;
  readonly rules: PathRules;
  readonly checksums: readonly Checksum[];
  /** Content is not looked at: a FILE datastore, a CDROM. */
  readonly opaque: boolean;
  readonly preallocate: boolean;
  /** The file's final name while it is not published, or another place when it must be converted first. Both are temporary names. */
  readonly place: (format: 'raw' | 'qcow2') => { readonly path: string; readonly mode: number };
  readonly tries?: FetchTries;
}

/** How much patience a download has; for tests. */
export interface FetchTries {
  readonly delayMs?: number;
  readonly idleMs?: number;
}

/** A flushed file whose checksums are right; its header is yet to be judged. JSON: stands in the journal. */
export interface Fetched {
  readonly path: string;
  readonly label: string;
  /** raw: whatever it looks like, it is the content of a disk. */
  readonly format?: 'raw';
}

const TRIES = 3;

type Context = Pick<OperationContext, 'signal' | 'report' | 'log' | 'count'>;

/** Brings an origin into one temporary file, written once. Throws what the origin, the checksums or the disk say. */
export async function fetchImage(plan: FetchPlan, context: Context): Promise<Fetched> {
  const budget = new RetryBudget(TRIES, plan.tries?.delayMs);
  for (;;) {
    try {
      return await fetchOnce(plan, budget, context);
    } catch (thrown) {
      if (!(thrown instanceof RestartNeeded)) throw thrown;
      context.log('warn', `${thrown.message}; starting again from the first byte`);
    }
  }
}

async function fetchOnce(plan: FetchPlan, budget: RetryBudget, context: Context): Promise<Fetched> {
  const { signal } = context;
  const onRetry = (why: string): void => context.log('warn', `${why}; trying again`);
  const idle = plan.tries?.idleMs === undefined ? {} : { idleMs: plan.tries.idleMs };
  const opened = await openOrigin(plan.origin, plan.secret, plan.rules, { signal, budget, onRetry, ...idle });
  try {
    return await write(plan, opened, context);
  } catch (thrown) {
    throw withLabel(thrown, plan.origin.path);
  } finally {
    await opened.source.close();
  }
}

async function write(plan: FetchPlan, { source, file }: Opened, context: Context): Promise<Fetched> {
  const label = plan.origin.path;
  const hashers = new Hashers(plan.checksums);
  const meter = new Meter(file === undefined ? 'download' : 'copy', source.sizeBytes, context);
  const limited = file === undefined ? limitRate(source.stream, plan.origin.bytesPerSecond, context.signal) : source.stream;
  const raw = new Tap(limited, (chunk) => {
    hashers.update(chunk);
    meter.add(chunk.length);
  });
  const content = await openContent(raw.read(), { label, noDecompress: plan.origin.noDecompress }, context);
  try {
    const place = plan.place(plan.opaque ? 'raw' : judgeHead(content.head, label).format);
    // What an earlier attempt left.
    await discard(place.path);
    if (file !== undefined && content.compression === undefined) {
      await content.close();
      await copyFile(plan, file, place.path, context);
      await chmod(place.path, place.mode);
    } else {
      const { holeBytes } = await writeSparse(place.path, content.stream, { preallocate: plan.preallocate, mode: place.mode });
      context.count({ skippedBytes: holeBytes });
      // A decompressor may stop at the end of its data: what follows was neither counted nor hashed.
      if (!raw.ended) throw new StorageError('bad_image', `${label} has more behind the end of its compressed data`);
      hashers.verify(label);
      if (hashers.needed) context.count({ verifiedBytes: meter.done });
      meter.finish();
    }
    return { path: place.path, label };
  } finally {
    await content.close();
  }
}

/** The whole file on this host: blocks are shared where the file system can, and what is checked is the copy that is kept. */
async function copyFile(plan: FetchPlan, file: AllowedFile, target: string, context: Context): Promise<void> {
  const isUnchanged = await watchChanges(file.handle);
  context.report({ step: 'copy', doneBytes: 0, totalBytes: file.size });
  // The opened file by its descriptor, so that cp reads what was allowed and not what the name means by now.
  const opened = `/proc/${process.pid}/fd/${file.handle.fd}`;
  await (plan.preallocate ? copyAllocated : copySparse)(opened, target, context);
  await isUnchanged(plan.origin.path);
  context.count({ movedBytes: file.size });
  context.report({ step: 'copy', doneBytes: file.size, totalBytes: file.size });
  if (plan.checksums.length === 0) return;
  context.count({ verifiedBytes: await verifyFile(target, plan.origin.path, plan.checksums, context.signal) });
}

/** Sees the bytes as they go by, and whether the end was reached. */
class Tap {
  ended = false;
  readonly #source: AsyncIterable<Buffer>;
  readonly #onChunk: (chunk: Buffer) => void;

  constructor(source: AsyncIterable<Buffer>, onChunk: (chunk: Buffer) => void) {
    this.#source = source;
    this.#onChunk = onChunk;
  }

  async *read(): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of this.#source) {
        this.#onChunk(chunk);
        yield chunk;
      }
    } catch (thrown) {
      throw asStorageError(thrown);
    }
    this.ended = true;
  }
}
