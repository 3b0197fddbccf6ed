import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { StorageError } from '../../runtime/errors.ts';
import type { OperationContext, OperationKind } from '../../runtime/operations/types.ts';
import { arrangeDirectory, type Stage, stageOf } from '../backends/file/arrange.ts';
import { makeReady, publishAll } from '../backends/file/arrange-publish.ts';
import { keepDirectory, makeDirectory, unmakeDirectory } from '../backends/file/directory.ts';
import { exists } from '../backends/file/look.ts';
import { writeMarker } from '../backends/file/marker.ts';
import { type Located, locate, PlaceInput } from '../backends/file/places.ts';
import { removeTree, setAside } from '../backends/file/remove.ts';
import { discard, stagePath } from '../backends/file/stage.ts';
import { arrivalsIn, markArrival, noteArrival } from '../backends/live/arrivals.ts';
import type { AgentContext } from '../context.ts';
import type { Entry } from '../transfer/entries.ts';
import { makeImages } from '../transfer/make-images.ts';
import { receiveLocal } from '../transfer/receive-local.ts';
import { receiveRemote } from '../transfer/receive-remote.ts';
import { refuseSamePlace } from '../transfer/same-place.ts';
import { settle } from '../transfer/staging.ts';
import { disksAt, domainNamed, mustBeUnused } from './migration-input.ts';
import { setInQuarantine } from './quarantine.ts';
import { OriginInput, RETRY_FOR_MS, type ReceiveOptions } from './receive.ts';
import { placeResources } from './volume-input.ts';

export const ReceiveGuestInput = OriginInput.extend({ target: z.object({ place: PlaceInput, monitor: z.string() }) });
export type ReceiveGuestInput = z.infer<typeof ReceiveGuestInput>;

interface Work {
  readonly agent: AgentContext;
  readonly input: ReceiveGuestInput;
  readonly domain: string;
  readonly context: OperationContext;
  readonly target: Located;
  readonly stage: Stage;
  readonly retryForMs: number;
}

/**
 * Makes the directory of a VM that comes running (premigrate): all that the guest only reads is copied and compared, what it writes to is made
 * empty. The source stays. A directory that is there already goes only when an earlier migration made it; any other is set aside.
 */
export function receiveGuest(
  agent: AgentContext,
  { retryForMs = RETRY_FOR_MS }: ReceiveOptions = {},
): OperationKind<ReceiveGuestInput, undefined> {
  return {
    name: 'guest.receive',
    input: ReceiveGuestInput,
    forgetInput: true,
    resources: ({ target, source }) => [...placeResources(agent.datastores, target.place), `domain:${source.domain ?? ''}`],
    async run(input, context) {
      const { source, target } = input;
      const { domain } = source;
      if (domain === undefined) throw new StorageError('bad_argument', 'source.domain is missing');
      const located = await locate(agent.datastores, target.place);
      const stage = stageOf(located.path, context.operationId);
      await receiveInto({ agent, input, domain, context, target: located, stage, retryForMs });
      return undefined;
    },
    async undo({ target }, { operationId }) {
      const located = await locate(agent.datastores, target.place);
      await discard(stageOf(located.path, operationId).root);
      await unmakeDirectory(located, operationId);
    },
  };
}

async function receiveInto(work: Work): Promise<void> {
  const { agent, input, domain, context, target, stage } = work;
  const { place, monitor } = input.target;
  await context.step('check', () => mustBeFree(work));
  const entries = await fetchEntries(work);
  await context.step('images', () =>
    makeImages(stage.received, entries, { place, hostName: agent.hostName, directory: target.directory }, context),
  );
  await context.step('prepare', async () => {
    await settle(stage.received, entries, { times: true });
    await markArrival(stage.received, context.operationId);
  });
  const arranged = await context.step('arrange', async () => await makeReady(stage, await arrangeDirectory(stage, target.name)));
  context.commit();
  await context.step('set aside', () => clear(work));
  await context.step('note', () => noteArrival(agent.stateDirectory, { ...domainOf(work), directory: target.path }, context.operationId));
  await context.step('publish', async () => {
    await publishAll(stage, target.directory, arranged);
    await keepDirectory(target, context.operationId);
  });
  if (monitor !== '') await context.step('mark', () => writeMarker(target.root, monitor, context.operationId));
  await context.step('clean', () => discard(stage.root));
  agent.log.debug({ operation: context.operationId, directory: target.path, domain }, 'ready for a guest');
}

function domainOf({ agent, domain }: Work): { readonly uri: string; readonly domain: string } {
  return { uri: domainNamed(agent, domain).uri, domain };
}

/** Nothing here may be of that guest already, unless it only changes its datastore. */
async function mustBeFree({ agent, input, domain, context, target }: Work): Promise<void> {
  const { place } = input.target;
  const isLocal = input.ticket.machineId === agent.machineId;
  if (isLocal) await refuseSamePlace(await locate(agent.datastores, input.source.place), target);
  await mustBeUnused(agent, { place, domain }, context);
  if (!isLocal && (await disksAt(domainNamed(agent, domain), target, context)) !== undefined) {
    throw new StorageError('conflict', `${agent.hostName} has a domain ${domain} already: nothing was changed; look at it with virsh`);
  }
}

async function fetchEntries({ agent, input, context, target, stage, retryForMs }: Work): Promise<readonly Entry[]> {
  const { source, ticket, bytesPerSecond, target: wanted } = input;
  await context.step('make room', async () => {
    await makeDirectory(target, context.operationId);
    await mkdir(stage.root, { recursive: true, mode: 0o700 });
  });
  const receiving = {
    agent,
    context,
    source,
    target,
    kind: 'directory',
    images: true,
    place: wanted.place,
    into: stage.received,
    preallocate: false,
    extraBytes: () => 0,
  } as const;
  if (ticket.machineId === agent.machineId) return await receiveLocal(receiving);
  const stagePlace = { datastoreId: wanted.place.datastoreId, path: path.join(path.dirname(wanted.place.path), path.basename(stage.root)) };
  return await receiveRemote(receiving, { ticket, bytesPerSecond, target: wanted.place, stage: stagePlace }, retryForMs);
}

/** What an earlier migration made and no guest came to is removed. Anything else may be the last copy of a disk: it is set aside. */
async function clear({ agent, input, domain, context, target }: Work): Promise<void> {
  if (!(await exists(target.path))) return;
  await mustBeUnused(agent, { place: input.target.place, domain }, context);
  if ((await arrivalsIn(target.path)).length > 0) {
    const old = stagePath(`${target.path}.old`, context.operationId);
    await setAside(target.path, old);
    return await removeTree(old);
  }
  await setInQuarantine(target, context.operationId);
  context.log(
    'warn',
    `${agent.hostName} had a directory '${input.target.place.path}' of another origin: it is in .quarantine of the datastore now`,
  );
}
