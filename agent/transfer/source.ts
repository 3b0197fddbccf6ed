import path from 'node:path';
import type { BeginFetch__Output } from '../../proto/gen/onestorage/v1/BeginFetch.ts';
import type { FetchEvent } from '../../proto/gen/onestorage/v1/FetchEvent.ts';
import type { FetchRequest__Output } from '../../proto/gen/onestorage/v1/FetchRequest.ts';
import type { Place__Output } from '../../proto/gen/onestorage/v1/Place.ts';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { exists } from '../backends/file/look.ts';
import { locate } from '../backends/file/places.ts';
import type { AgentContext } from '../context.ts';
import { capabilityKey, type Grant, unseal } from './capability.ts';
import { certificateDirectory } from './certificates.ts';
import { digestFile } from './digest.ts';
import type { SourceEntry } from './entries.ts';
import { Exports } from './exports.ts';
import { readInline } from './inline.ts';
import { buildManifest, checkUnchanged } from './manifest.ts';
import type { Ports } from './ports.ts';

interface Call {
  readonly peer: { readonly machineId: string | undefined };
  readonly signal: AbortSignal;
}

type Send = (event: FetchEvent) => Promise<void>;

/**
 * Serves one fetch to its end: manifest, exports as they are asked for, digests. All it started is gone when it returns or throws, for
 * whatever reason. Nothing at the source is written.
 */
export async function serveFetch(
  agent: AgentContext,
  ports: Ports,
  requests: AsyncIterable<FetchRequest__Output>,
  call: Call,
  send: Send,
): Promise<void> {
  const ended = new AbortController();
  const signal = AbortSignal.any([call.signal, ended.signal]);
  const session: { exports?: Exports; entries: readonly SourceEntry[]; digests: Map<number, Promise<void>> } = {
    entries: [],
    digests: new Map(),
  };
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);

  const begin = async (first: BeginFetch__Output): Promise<void> => {
    const grant = unseal(await capabilityKey(agent.stateDirectory), first.capability, call.peer, Date.now());
    await refuseOwnTarget(agent, grant, first.target, first.stage);
    const { entries, skipped } = await buildManifest(agent, grant.source);
    if (skipped.length > 0) agent.log.warn({ operation: grant.operationId, skipped }, 'neither files, directories nor links: not copied');
    const certificates = await certificateDirectory(agent.stateDirectory, agent.identity.directory);
    session.exports = new Exports({ ...agent, certificates, ports }, signal, first.bytesPerSecond);
    session.entries = entries;
    const content = await readInline(entries);
    await send({
      manifest: {
        entries: entries.map(({ file: _file, modified, ...entry }, index) => {
          const inline = content.get(index);
          return { ...entry, modifiedUnixMs: Math.trunc(modified), ...(inline === undefined ? {} : { content: inline }) };
        }),
      },
    });
  };

  const want = async (index: number): Promise<void> => {
    const entry = session.entries[index];
    if (session.exports === undefined || entry?.type !== 'file') throw new StorageError('bad_argument', `no file ${index} in the manifest`);
    await checkUnchanged([entry]);
    const { port, exportName } = await session.exports.serve(index, entry.file);
    await send({ export: { entry: index, port, exportName } });
    // Beside the copy, so that both read the file while it is in memory; once a file, however often it is asked for.
    if (session.digests.has(index)) return;
    const digest = digestFile(entry.file, { signal }).then(async (found) => {
      await checkUnchanged([entry]);
      await send({ digest: { entry: index, digest: found.digest } });
    });
    session.digests.set(index, digest);
    digest.catch((thrown: unknown) => failed.reject(thrown));
  };

  const work = async (): Promise<void> => {
    for await (const request of requests) {
      if (request.begin) await begin(request.begin);
      else if (request.want !== undefined) await want(request.want);
      else if (request.done !== undefined) await session.exports?.close(request.done);
      else if (request.finished === true) return await checkUnchanged(session.entries);
    }
    throw new StorageError('interrupted', 'the receiver ended the transfer');
  };

  try {
    await Promise.race([work(), failed.promise]);
  } catch (thrown) {
    throw asStorageError(thrown);
  } finally {
    ended.abort(new StorageError('interrupted', 'the transfer has ended'));
    await session.exports?.closeAll();
    await Promise.allSettled(session.digests.values());
  }
}

/**
 * Hosts that share the file system: a directory would be received over itself, and then be removed as the source of a move. Then the target's
 * stage stands beside the source, whatever the two datastores are called: their directories may be links to one. An error is not a no.
 */
async function refuseOwnTarget(
  agent: AgentContext,
  grant: Grant,
  target: Place__Output | null,
  stage: Place__Output | null,
): Promise<void> {
  if (target === null || stage === null) return;
  const { place } = grant.source;
  if (path.basename(target.path) !== path.basename(place.path)) return;
  const beside = path.join(path.dirname(place.path), path.basename(stage.path));
  if (!(await exists((await locate(agent.datastores, { datastoreId: place.datastoreId, path: beside })).path))) return;
  throw new StorageError(
    'conflict',
    `source and target are the same: '${place.path}' in datastore ${place.datastoreId} and '${target.path}' in datastore ${target.datastoreId} are one on both hosts, which share its file system; nothing was copied`,
  );
}
