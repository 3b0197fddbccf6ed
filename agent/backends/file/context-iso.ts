import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import { formatBytes, MIB } from '../../../runtime/units.ts';
import { makeIso } from '../../tools/xorriso.ts';
import { type ContextOrigin, openOrigin } from './context-origin.ts';
import { keepDirectory, makeDirectory, undoStages } from './directory.ts';
import type { Located } from './places.ts';
import { publishMade, stagedFile } from './snapshots-files.ts';
import { discard, flush, stagePath } from './stage.ts';
import { sayingSpace } from './usage.ts';

/** A file of a context image. */
export interface ContextEntry {
  readonly origin: ContextOrigin;
  /** Its name in the image. */
  readonly name: string;
}

/** Everything together: a context image holds scripts and keys, and a kernel module at most. */
const MAX_TOTAL = 1024 * MIB;

interface Stages {
  readonly iso: string;
  readonly files: string;
}

function stagesOf(located: Located, operationId: string): Stages {
  return { iso: stagePath(located.path, operationId), files: stagePath(located.path, `${operationId}.files`) };
}

/** Throws bad_argument for a name that cannot stand in the image, or that two different files have. */
export function checkEntries(entries: readonly ContextEntry[]): readonly ContextEntry[] {
  const seen = new Map<string, string>();
  for (const { name, origin } of entries) {
    const unfit = name === '' || name === '.' || name === '..' || /[/\p{Cc}]/u.test(name) || Buffer.byteLength(name) > 200;
    if (unfit) throw new StorageError('bad_argument', `'${name.slice(0, 80)}' is not a name for a file of the context`);
    const from = JSON.stringify(origin);
    if (seen.has(name) && seen.get(name) !== from) {
      throw new StorageError('bad_argument', `two files of the context have the name '${name}'; give one of them another`);
    }
    seen.set(name, from);
  }
  // The same file given twice stands in the image once, as with the stock driver.
  return entries.filter(({ name }, index) => entries.findIndex((other) => other.name === name) === index);
}

export interface ContextDirs {
  readonly datastores: string;
  readonly vmFiles: string;
  readonly hostName: string;
}

/** Makes a context image from copies of its files. Steps: make, publish. Errors: bad_argument, not_found, origin_failed, too_big, no_space. */
export async function createContextIso(
  located: Located,
  files: readonly ContextEntry[],
  dirs: ContextDirs,
  context: OperationContext,
): Promise<void> {
  const stages = stagesOf(located, context.operationId);
  const entries = checkEntries(files);
  const made = await context.step('make', async () => {
    await makeDirectory(located, context.operationId);
    await discard(stages.iso);
    await discard(stages.files);
    const space = { root: located.root, datastoreId: located.datastoreId, hostName: dirs.hostName };
    await sayingSpace(space, MIB, async () => {
      await mkdir(stages.files, { mode: 0o700 });
      await collect(entries, stages.files, dirs, context);
      await makeIso(stages.files, stages.iso, context);
      await flush(stages.iso);
    });
    await discard(stages.files);
    return await stagedFile(stages.iso);
  });
  context.commit();
  await context.step('publish', async () => {
    await publishMade(stages.iso, located.path, made);
    await keepDirectory(located, context.operationId);
  });
}

/** Takes back what createContextIso left before it published. */
export async function undoContextIso(located: Located, operationId: string): Promise<void> {
  const { iso, files } = stagesOf(located, operationId);
  await undoStages(located, operationId, [iso, files]);
}

async function collect(entries: readonly ContextEntry[], directory: string, dirs: ContextDirs, context: OperationContext): Promise<void> {
  let total = 0;
  for (const { name, origin } of entries) {
    const source = await openOrigin(origin, dirs, context.signal);
    const counted = countBytes(source, (size) => {
      total += size;
      if (total > MAX_TOTAL)
        throw new StorageError('too_big', `the files of the context are larger than ${formatBytes(MAX_TOTAL)} together`);
    });
    try {
      await pipeline(Readable.from(counted), createWriteStream(path.join(directory, name), { flags: 'wx', mode: 0o600 }), {
        signal: context.signal,
      });
    } catch (thrown) {
      throw asStorageError(thrown, `file '${name}' of the context`);
    }
  }
}

async function* countBytes(source: AsyncIterable<Uint8Array>, add: (size: number) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    add(chunk.length);
    yield chunk;
  }
}
