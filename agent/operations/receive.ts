import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { OperationContext, OperationKind } from '../../runtime/operations/types.ts';
import { arrangeDirectory, arrangeDisk, type Stage, stageOf } from '../backends/file/arrange.ts';
import { prepareDisk } from '../backends/file/arrange-prepare.ts';
import { makeReady, publishAll, type Ready } from '../backends/file/arrange-publish.ts';
import { keepDirectory, makeDirectory, unmakeDirectory } from '../backends/file/directory.ts';
import { exists } from '../backends/file/look.ts';
import { writeMarker } from '../backends/file/marker.ts';
import { type Located, locate, PlaceInput } from '../backends/file/places.ts';
import type { FileIdentity } from '../backends/file/snapshots-files.ts';
import { discard } from '../backends/file/stage.ts';
import type { AgentContext, OperationResult } from '../context.ts';
import { type Entry, SourceInput } from '../transfer/entries.ts';
import { buildManifest } from '../transfer/manifest.ts';
import { receiveLocal } from '../transfer/receive-local.ts';
import { receiveRemote } from '../transfer/receive-remote.ts';
import { canRename, probeOf, type Renaming, renameDirectory } from '../transfer/rename-directory.ts';
import { refuseSamePlace } from '../transfer/same-place.ts';
import { settle } from '../transfer/staging.ts';
import { placeResources } from './volume-input.ts';

const Format = z.enum(['raw', 'qcow2', '']);

/** Where the data comes from. */
export const OriginInput = z.object({
  ticket: z.object({
    /** Right to one source for this machine alone; the journal forgets it when the operation ends. */
    capability: z.string(),
    address: z.string(),
    hostName: z.string(),
    machineId: z.string(),
  }),
  source: SourceInput,
  bytesPerSecond: z.number().int().nonnegative(),
});

export const ReceiveInput = OriginInput.extend({
  target: z.discriminatedUnion('type', [
    z.object({
      type: z.literal('disk'),
      place: PlaceInput,
      format: Format,
      /** Grown to this when larger than the image; 0: as it is. */
      sizeBytes: z.number().int().nonnegative(),
      preallocate: z.boolean(),
      monitor: z.string(),
    }),
    z.object({
      type: z.literal('image'),
      place: PlaceInput,
      format: Format,
      withSnapshots: z.boolean(),
      preallocate: z.boolean().optional(),
    }),
    z.object({ type: z.literal('directory'), place: PlaceInput, monitor: z.string() }),
  ]),
});

export type ReceiveInput = z.infer<typeof ReceiveInput>;

export interface ReceiveOptions {
  /** How long a source that cannot be reached is tried again. */
  readonly retryForMs?: number;
}

export const RETRY_FOR_MS = 60_000;

/** One transfer with what it works on. */
interface Work {
  readonly agent: AgentContext;
  readonly input: ReceiveInput;
  readonly context: OperationContext;
  readonly target: Located;
  readonly stage: Stage;
  readonly isLocal: boolean;
  readonly retryForMs: number;
}

/**
 * Brings a disk, an image or a VM directory here from another agent, or from elsewhere on this host: clone, ln, mv, mvds, cpds and context
 * (contract 2.2). Everything lands in a stage beside the target, durable and compared, before the first name changes. The source stays; but a
 * VM directory on the same file system is renamed, and its source has gone then.
 */
export function receive(
  agent: AgentContext,
  { retryForMs = RETRY_FOR_MS }: ReceiveOptions = {},
): OperationKind<ReceiveInput, OperationResult> {
  return {
    name: 'transfer.receive',
    input: ReceiveInput,
    forgetInput: true,
    resources: ({ target, source, ticket }) => {
      const moves = target.type === 'directory' && ticket.machineId === agent.machineId;
      return [target.place, ...(moves ? [source.place] : [])].flatMap((place) => placeResources(agent.datastores, place));
    },
    async run(input, context) {
      const { ticket, source, target } = input;
      const located = await locate(agent.datastores, target.place);
      const isLocal = ticket.machineId === agent.machineId;
      if (isLocal && source.place.datastoreId === target.place.datastoreId && source.place.path === target.place.path) {
        throw new StorageError('conflict', `source and target are both '${target.place.path}' in datastore ${target.place.datastoreId}`);
      }
      if (isLocal) {
        await context.step('compare places', async () => refuseSamePlace(await locate(agent.datastores, source.place), located));
      }
      const work = { agent, input, context, target: located, isLocal, retryForMs, stage: stageOf(located.path, context.operationId) };
      return await (target.type === 'directory' ? receiveDirectory(work) : receiveFiles(work));
    },
    async undo(input, context) {
      const target = await locate(agent.datastores, input.target.place);
      await discard(stageOf(target.path, context.operationId).root);
      await unmakeDirectory(target, context.operationId);
      if (input.target.type === 'directory' && input.ticket.machineId === agent.machineId) {
        await discard(probeOf(await locate(agent.datastores, input.source.place), context.operationId));
      }
    },
  };
}

/** A disk or an image. */
async function receiveFiles(work: Work): Promise<OperationResult> {
  const { input, context, target, stage } = work;
  const { source, target: wanted } = input;
  if (wanted.type === 'directory') throw new StorageError('internal', 'a directory is not a disk');
  const isDisk = wanted.type === 'disk';
  const withSnapshots = isDisk ? !source.flat && source.snapshotId === undefined : wanted.withSnapshots;
  const preallocate = wanted.preallocate === true;
  const entries = await fetchEntries(work, preallocate, (copied) => (source.format === 'qcow2' && !withSnapshots ? copied : 0));
  const prepared = await context.step('prepare', async () => {
    const name = path.basename(source.place.path);
    await settle(stage.received, entries, { times: false });
    const report = (done: number): void =>
      context.report({ step: 'make one file of the chain', doneBytes: Math.round(done * 100), totalBytes: 100 });
    return await prepareDisk(
      stage,
      {
        name,
        target: target.path,
        sourceFormat: source.format,
        format: wanted.format,
        layered: isDisk,
        withSnapshots,
        sizeBytes: isDisk ? wanted.sizeBytes : 0,
        preallocate,
        onProgress: report,
      },
      context,
    );
  });
  const layout = { format: wanted.format, flattened: prepared.flattened, layered: isDisk, withSnapshots };
  const arranged = await context.step('arrange', async () => {
    const names = await arrangeDisk(stage, prepared.found, target.name, layout);
    // The side file of the stock replica feature tells of the old content (contract 2.1).
    return await makeReady(stage, isDisk ? names : { ...names, absent: [...names.absent, `${target.name}.md5sum`] });
  });
  context.commit();
  await finish(work, arranged, isDisk ? wanted.monitor : '');
  return { ...(wanted.format === '' ? {} : { format: wanted.format }), sizeBytes: prepared.sizeBytes };
}

/** A VM directory. */
async function receiveDirectory(work: Work): Promise<OperationResult> {
  const { agent, input, context, target, stage, isLocal } = work;
  if (input.target.type !== 'directory') throw new StorageError('internal', 'a disk is not a directory');
  const made = isLocal ? await context.step('plan rename', () => planRename(work)) : null;
  if (made === null) {
    const entries = await fetchEntries(work, false, () => 0);
    await context.step('prepare', () => settle(stage.received, entries, { times: true }));
    const arranged = await context.step('arrange', async () => await makeReady(stage, await arrangeDirectory(stage, target.name)));
    context.commit();
    await finish(work, arranged, input.target.monitor);
  } else await takeDirectory(work, made, input.target.monitor);
  agent.log.debug({ operation: context.operationId, directory: target.path }, 'directory received');
  return {};
}

async function fetchEntries(work: Work, preallocate: boolean, extraBytes: (copied: number) => number): Promise<readonly Entry[]> {
  const { agent, input, context, target, stage, isLocal, retryForMs } = work;
  const { source, ticket, bytesPerSecond } = input;
  const { type, place } = input.target;
  await context.step('make room', () => makeParent(work));
  const kind = type === 'directory' ? 'directory' : 'disk';
  const receiving = { agent, context, source, kind, place, target, into: stage.received, preallocate, extraBytes } as const;
  if (isLocal) return await receiveLocal(receiving);
  const stagePlace = { datastoreId: place.datastoreId, path: path.join(path.dirname(place.path), path.basename(stage.root)) };
  return await receiveRemote(receiving, { ticket, bytesPerSecond, target: place, stage: stagePlace }, retryForMs);
}

/** The VM's directory is made when it is missing, as the system datastore is; an image datastore must be there. */
async function makeParent({ agent, input, context, target, stage }: Work): Promise<void> {
  const { type, place } = input.target;
  if (type !== 'image') await makeDirectory(target, context.operationId);
  else if (!(await exists(target.directory))) {
    throw new StorageError('not_found', `datastore ${place.datastoreId} does not exist on ${agent.hostName} (${target.directory})`);
  }
  await mkdir(stage.root, { recursive: true, mode: 0o700 });
}

async function renamingOf({ agent, input, context, target, stage }: Work): Promise<Renaming> {
  return { operationId: context.operationId, source: await locate(agent.datastores, input.source.place), target, stage };
}

/** What the source is, when it can be renamed; null: it must be copied. */
async function planRename(work: Work): Promise<FileIdentity | null> {
  const { agent, input, context } = work;
  const { kind, skipped } = await buildManifest(agent, input.source);
  if (kind !== 'directory') throw new StorageError('conflict', `'${input.source.place.path}' is not a directory`);
  if (skipped.length > 0) context.log('debug', `neither files nor links: ${skipped.join(', ')}`);
  await makeParent(work);
  return await canRename(await renamingOf(work));
}

/** All that can fail comes before the rename: after it, nothing may leave the caller with the files in another place than it believes. */
async function takeDirectory(work: Work, made: FileIdentity, monitor: string): Promise<void> {
  const { context, target, stage } = work;
  if (monitor !== '') await context.step('mark', () => writeMarker(target.root, monitor, context.operationId));
  context.commit();
  await context.step('rename', async () => await renameDirectory(await renamingOf(work), made));
  await context.step('clean', () => clean(work, [() => keepDirectory(target, context.operationId), () => discard(stage.root)]));
}

async function finish(work: Work, arranged: Ready, monitor: string): Promise<void> {
  const { context, target, stage } = work;
  await context.step('publish', async () => {
    await publishAll(stage, target.directory, arranged);
    await keepDirectory(target, context.operationId);
  });
  if (monitor !== '') await context.step('mark', () => writeMarker(target.root, monitor, context.operationId));
  await context.step('clean', () => clean(work, [() => discard(stage.root)]));
}

async function clean({ context }: Work, all: readonly (() => Promise<void>)[]): Promise<void> {
  for (const one of all) {
    try {
      await one();
    } catch (thrown) {
      context.log('warn', `the old files could not be removed: ${asStorageError(thrown).message}`);
    }
  }
}
