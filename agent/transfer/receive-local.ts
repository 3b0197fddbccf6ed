import { constants } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { flush } from '../backends/file/stage.ts';
import { copyAllocated, copySparse } from '../tools/cp.ts';
import { digestFile } from './digest.ts';
import type { Entry, SourceEntry } from './entries.ts';
import { buildManifest, checkUnchanged } from './manifest.ts';
import { filesOf, type Receiving, requireRoom, sum, Tally } from './receiving.ts';
import { freeBytes, noSpace } from './space.ts';
import { allocatedBytes, makeSkeleton } from './staging.ts';

/** Copies a source of this very host: shared blocks where the file system has them, else the data, which is then compared. No network. */
export async function receiveLocal(receiving: Receiving): Promise<readonly Entry[]> {
  const { agent, context, source, into } = receiving;
  const entries = await context.step('manifest', async () => {
    const manifest = await buildManifest(agent, source);
    if (manifest.kind !== receiving.kind) throw new StorageError('conflict', `'${source.place.path}' is not a ${receiving.kind}`);
    if (manifest.skipped.length > 0) context.log('warn', `not copied, neither files nor links: ${manifest.skipped.join(', ')}`);
    await makeSkeleton(into, manifest.entries);
    return manifest.entries;
  });
  const tally = new Tally(context, sum(filesOf(entries), false));
  for (const entry of entries) {
    if (entry.type !== 'file') continue;
    await context.step(`copy ${entry.path}`, () => copy(receiving, entry, entries));
    tally.finish(entry);
  }
  await checkUnchanged(entries);
  return entries;
}

async function copy(receiving: Receiving, entry: SourceEntry, all: readonly Entry[]): Promise<void> {
  const { agent, context, preallocate, place, target } = receiving;
  const file = path.join(receiving.into, entry.path);
  await rm(file, { force: true });
  if (!preallocate && (await shareBlocks(entry.file, file))) {
    context.count({ skippedBytes: entry.sizeBytes });
    return;
  }
  const rest = all.slice(all.findIndex(({ path: name }) => name === entry.path));
  await requireRoom(receiving, rest);
  try {
    await (preallocate ? copyAllocated : copySparse)(entry.file, file, context);
  } catch (thrown) {
    const error = asStorageError(thrown);
    if (error.reason !== 'no_space') throw error;
    const where = { datastoreId: place.datastoreId, hostName: agent.hostName };
    throw noSpace(where, entry.allocatedBytes, await freeBytes(target.directory));
  }
  const [there, here] = [await digestFile(entry.file, context), await digestFile(file, context, { direct: true })];
  if (here.digest !== there.digest) throw new StorageError('bad_checksum', `${entry.path} differs from its source after it was copied`);
  const moved = await allocatedBytes(file);
  context.count({ movedBytes: moved, skippedBytes: entry.sizeBytes - moved, verifiedBytes: here.readBytes });
}

/** false: the file system cannot, or source and target are on two. */
async function shareBlocks(source: string, target: string): Promise<boolean> {
  try {
    await copyFile(source, target, constants.COPYFILE_FICLONE_FORCE);
  } catch (thrown) {
    const code: unknown = thrown instanceof Error ? Reflect.get(thrown, 'code') : undefined;
    await rm(target, { force: true });
    if (code === 'EACCES' || code === 'ENOENT') throw asStorageError(thrown);
    return false;
  }
  await flush(target);
  return true;
}
