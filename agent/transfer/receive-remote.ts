import { rm } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { nbdcopy } from '../tools/nbdcopy.ts';
import { hostOf } from './address.ts';
import { certificateDirectory } from './certificates.ts';
import { checkManifest } from './check-manifest.ts';
import { digestFile } from './digest.ts';
import { Entry } from './entries.ts';
import { filesOf, type Receiving, requireRoom, sum, Tally } from './receiving.ts';
import type { FetchSession, SessionRequest } from './session.ts';
import { SourceLink } from './source-link.ts';
import { freeBytes, noSpace } from './space.ts';
import { allocatedBytes, makeSkeleton, writeSmall } from './staging.ts';

interface Staged extends Entry {
  /** Came with the manifest. */
  readonly small: boolean;
}

/**
 * Fetches a source from another host into `into`: each file is copied, made durable and compared; a broken connection or a restart goes on
 * with the files that are not done. Errors: not_found, forbidden, no_space, unreachable, transfer_failed, bad_checksum, cancelled.
 */
export async function receiveRemote(receiving: Receiving, request: SessionRequest, retryForMs: number): Promise<readonly Entry[]> {
  const { agent, context, into } = receiving;
  const { identity, hostName } = agent;
  const link = new SourceLink({
    identity,
    hostName,
    request,
    retryForMs,
    signal: context.signal,
    log: (level, text) => context.log(level, text),
  });
  try {
    const entries = await context.step('manifest', () => link.retry((session) => begin(receiving, session)));
    link.expect(entries);
    const certificates = await certificateDirectory(agent.stateDirectory, identity.directory);
    const server = { host: hostOf(request.ticket.address), certificates, limited: request.bytesPerSecond > 0 };
    const tally = new Tally(context, sum(filesOf(entries), false));
    for (const [index, entry] of entries.entries()) {
      if (entry.type !== 'file') continue;
      if (!entry.small) {
        await context.step(`copy ${entry.path}`, () =>
          link.retry((session) => copyFile(receiving, session, { index, entry, server, onProgress: (part) => tally.report(entry, part) })),
        );
      }
      tally.finish(entry);
    }
    await context.step('confirm', () => link.retry((session) => session.finish()));
    return entries.map((entry) => Entry.parse(entry));
  } finally {
    link.close();
  }

  async function begin(all: Receiving, session: FetchSession): Promise<Staged[]> {
    const remote = await session.manifest;
    const name = path.basename(all.source.place.path);
    checkManifest(remote, { kind: all.kind, images: all.images ?? false, name, directory: directoryOf(all), datastores: agent.datastores });
    await requireRoom(all, remote);
    await makeSkeleton(into, remote);
    let bytes = 0;
    for (const entry of remote) {
      if (entry.content === undefined) continue;
      await writeSmall(into, entry, entry.content);
      bytes += entry.content.length;
    }
    context.count({ movedBytes: bytes });
    return remote.map(({ content, ...entry }) => ({ ...entry, small: content !== undefined }));
  }
}

/** Where links of the manifest will stand. */
function directoryOf({ kind, target }: Receiving): string {
  return kind === 'directory' ? target.path : target.directory;
}

interface FileCopy {
  readonly index: number;
  readonly entry: Entry;
  readonly server: { readonly host: string; readonly certificates: string; readonly limited: boolean };
  readonly onProgress: (part: number) => void;
}

async function copyFile(receiving: Receiving, session: FetchSession, { index, entry, server, onProgress }: FileCopy): Promise<void> {
  const { context, preallocate } = receiving;
  const file = path.join(receiving.into, entry.path);
  const tool = { signal: AbortSignal.any([context.signal, session.signal]), count: context.count.bind(context) };
  // Never over what an earlier attempt left: something may still hold that file open.
  await rm(file, { force: true });
  const { port, exportName } = await session.want(index);
  try {
    const options = { sizeBytes: entry.sizeBytes, preallocate, limited: server.limited, onProgress };
    await nbdcopy({ ...server, port, exportName }, file, options, tool);
    const [here, there] = await Promise.all([digestFile(file, tool, { direct: true }), session.digest(index)]);
    if (here.digest !== there) throw new StorageError('bad_checksum', `${entry.path} differs from its source after it was copied`);
    const moved = await allocatedBytes(file);
    context.count({ movedBytes: moved, skippedBytes: entry.sizeBytes - moved, verifiedBytes: here.readBytes });
  } catch (thrown) {
    throw await explain(receiving, entry, server.host, thrown);
  }
  await session.done(index);
}

async function explain({ agent, place, target }: Receiving, entry: Entry, host: string, thrown: unknown): Promise<StorageError> {
  const error = asStorageError(thrown);
  if (error.reason === 'no_space') {
    const where = { datastoreId: place.datastoreId, hostName: agent.hostName };
    return noSpace(where, entry.allocatedBytes, await freeBytes(target.directory));
  }
  if (!/certificate verification/iu.test(error.message)) return error;
  return new StorageError('bad_identity', `the certificate of the source does not name its address ${host}; issue it with that address`, {
    cause: error,
  });
}
