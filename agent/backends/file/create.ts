import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import { type Bytes, formatBytes } from '../../../runtime/units.ts';
import { type FileSystem, mkfs } from '../../tools/mkfs.ts';
import { mkswap } from '../../tools/mkswap.ts';
import { convert, create, type ImageFormat } from '../../tools/qemu-img.ts';
import { keepDirectory, makeDirectory, undoStages } from './directory.ts';
import { lstatOrNothing } from './look.ts';
import type { Located } from './places.ts';
import { removeTree, setAside } from './remove.ts';
import { type FileIdentity, publishMade, stagedFile } from './snapshots-files.ts';
import { discard, flush, stagePath } from './stage.ts';
import { requireSpace, sayingSpace } from './usage.ts';

/** An empty volume to be made. */
export interface NewVolume {
  readonly size: Bytes;
  readonly format: ImageFormat;
  /** What it carries; undefined: zeroes. */
  readonly content: FileSystem | 'swap' | undefined;
  readonly preallocate: boolean;
}

/** Temporary names of one creation. */
interface Stages {
  readonly result: string;
  /** The raw file a file system is made in, when the result is qcow2. */
  readonly raw: string;
  /** What a replaced disk's snapshots are moved to. */
  readonly old: string;
}

function stagesOf(located: Located, operationId: string): Stages {
  return {
    result: stagePath(located.path, operationId),
    raw: stagePath(located.path, `${operationId}.raw`),
    old: stagePath(`${located.path}.snap`, operationId),
  };
}

/**
 * Makes an empty disk or image under its final name, replacing an older one: oned runs a CREATE again after a failed prolog. Steps: make,
 * publish. Errors: no_space, conflict (a directory has the name), missing_program, tool_failed.
 */
export async function createVolume(located: Located, volume: NewVolume, hostName: string, context: OperationContext): Promise<void> {
  const stages = stagesOf(located, context.operationId);
  const space = { root: located.root, datastoreId: located.datastoreId, hostName };
  const made = await context.step('make', async () => {
    await refuseDirectory(located);
    if (volume.preallocate) await requireSpace(space, volume.size);
    await makeDirectory(located, context.operationId);
    await discard(stages.result);
    await discard(stages.raw);
    context.report({ step: `make ${located.name}`, doneBytes: 0, totalBytes: volume.size });
    await sayingSpace(space, volume.size, () => make(stages, volume, context));
    context.report({ step: `make ${located.name}`, doneBytes: volume.size, totalBytes: volume.size });
    return await stagedFile(stages.result);
  });
  context.commit();
  await context.step('publish', () => publishVolume(located, stages, made, context));
  context.log('info', `made ${located.name}: ${volume.format}, ${formatBytes(volume.size)}`);
}

/** Takes back what createVolume left before it published. */
export async function undoCreateVolume(located: Located, operationId: string): Promise<void> {
  const { result, raw } = stagesOf(located, operationId);
  await undoStages(located, operationId, [result, raw]);
}

async function refuseDirectory(located: Located): Promise<void> {
  const found = await lstatOrNothing(located.path);
  if (found?.isDirectory()) throw new StorageError('conflict', `${located.path} is a directory where a disk must be`);
}

async function make(stages: Stages, volume: NewVolume, context: OperationContext): Promise<void> {
  const { size, format, content, preallocate } = volume;
  if (content === undefined) {
    if (format === 'raw' && !preallocate) await makeSparse(stages.result, size);
    else await create(stages.result, format, size, { preallocate }, context);
  } else {
    const raw = format === 'raw' ? stages.result : stages.raw;
    if (format === 'raw' && preallocate) await create(raw, 'raw', size, { preallocate }, context);
    else await makeSparse(raw, size);
    if (content === 'swap') await mkswap(raw, context);
    else await mkfs(raw, content, { preallocated: preallocate && format === 'raw' }, context);
    if (format === 'qcow2') {
      await convert(raw, 'raw', stages.result, 'qcow2', { preallocate }, context);
      await discard(raw);
    }
  }
  await flush(stages.result);
}

async function makeSparse(file: string, size: Bytes): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, 'wx');
    await handle.truncate(size);
  } catch (thrown) {
    throw asStorageError(thrown, `make ${path.basename(file)}`);
  } finally {
    await handle?.close();
  }
}

/** A replaced disk may have been a link into `<name>.snap`; those files belong to it and go with it. */
async function publishVolume(located: Located, stages: Stages, made: FileIdentity, context: OperationContext): Promise<void> {
  await publishMade(stages.result, located.path, made);
  await setAside(`${located.path}.snap`, stages.old);
  await removeTree(stages.old);
  await keepDirectory(located, context.operationId);
}
