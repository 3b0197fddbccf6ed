import { randomUUID } from 'node:crypto';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { LogLevel, Progress } from '../../runtime/operations/types.ts';
import type { Host } from '../hosts/directory.ts';
import { follow } from '../hosts/follow.ts';
import { datastoreRecord, words } from '../opennebula/action-data.ts';
import { backupImage } from '../opennebula/backup-data.ts';
import { type ActionServices, chooseBridge } from '../operations/tools.ts';
import { machineOf } from './boot.ts';
import { linksUpTo, mustBeWhole } from './chain.ts';
import { directoryFor, repositoryOf } from './repository.ts';

export type VerifyEvent =
  | { readonly type: 'begun'; readonly host: string; readonly increments: readonly number[] }
  | ({ readonly type: 'progress' } & Progress)
  | { readonly type: 'log'; readonly level: LogLevel; readonly text: string }
  /** Nothing differs. Bytes that were read; what of the guest answered, when it was booted. */
  | { readonly type: 'verified'; readonly sizeBytes: number; readonly answeredBy?: string };

export interface WhatToVerify {
  readonly imageId: number;
  readonly incrementId: number;
  /** Restore the disks into a scratch place, and boot them: so long they may take to give a sign of life. */
  readonly bootSeconds?: number;
}

export interface VerifyServices extends Pick<ActionServices, 'agents' | 'hosts' | 'openNebula'> {
  readonly config: Pick<ActionServices['config'], 'deadlines'>;
}

/** What one that stops reading may cost: the agent is told to stop. */
const CANCEL_MS = 10_000;

/**
 * An agent that reaches the repository reads a chain back up to an increment (-1: the last one), and compares it with the checksums of the time of
 * the backup; or restores its disks and boots them, which compares the same. It ends when whoever listens does. Throws bad_checksum,
 * repository_damaged, not_found (an increment is gone), guest_silent, and what keeps it from being read.
 */
export async function* verifyBackup(what: WhatToVerify, services: VerifyServices, signal: AbortSignal): AsyncGenerator<VerifyEvent> {
  const ended = new AbortController();
  const both = AbortSignal.any([signal, ended.signal]);
  const waiting: VerifyEvent[] = [];
  const work = { isOver: false, failure: undefined as unknown };
  let wake = Promise.withResolvers<void>();
  const tell = (event: VerifyEvent): void => {
    // Only the newest progress counts for one who reads slowly.
    if (event.type === 'progress' && waiting.at(-1)?.type === 'progress') waiting.pop();
    waiting.push(event);
    wake.resolve();
  };
  const running = readBack(what, services, tell, both)
    .catch((thrown: unknown) => {
      work.failure = thrown;
    })
    .finally(() => {
      work.isOver = true;
      wake.resolve();
    });
  try {
    while (!work.isOver || waiting.length > 0) {
      await wake.promise;
      wake = Promise.withResolvers();
      yield* waiting.splice(0);
      if (work.isOver) wake.resolve();
    }
    if (work.failure !== undefined) throw asStorageError(work.failure);
  } finally {
    ended.abort(new StorageError('cancelled', 'whoever asked for it has gone'));
    await running;
  }
}

async function readBack(
  { imageId, incrementId, bootSeconds }: WhatToVerify,
  { agents, hosts, openNebula, config }: VerifyServices,
  tell: (event: VerifyEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const image = backupImage(await openNebula.image(imageId, signal));
  const increments = [...linksUpTo(image, incrementId)];
  const datastore = datastoreRecord(await openNebula.datastore(image.datastoreId, signal));
  const repository = await repositoryOf(datastore, directoryFor(datastore, image.vmId, image.jobId));
  const log = (level: LogLevel, text: string): void => tell({ type: 'log', level, text });
  const list = async (from: Host) => {
    const listing = await agents.listBackup(from, { repository, chain: { increments }, withDocument: true }, signal);
    mustBeWhole(imageId, listing);
    return listing;
  };
  const host = await chooseBridge(words(datastore.template.get('BRIDGE_LIST')), 0, { hosts, agents }, { signal, log });
  const boot = bootSeconds === undefined ? undefined : { ...machineOf(imageId, await list(host)), limitSeconds: bootSeconds };
  tell({ type: 'begun', host: host.name, increments: increments.map(({ id }) => id) });
  const operationId = randomUUID();
  const request = { operation: { operationId, subject: `verify of backup ${imageId}` }, repository, chain: { increments } };
  const open = () =>
    boot === undefined
      ? agents.start(host, 'Backups/Verify', request, signal)
      : agents.start(host, 'Backups/Boot', { ...request, ...boot }, signal);
  try {
    const { sizeBytes, answeredBy = '' } = await follow(open, {
      hostName: host.name,
      signal,
      reattachMs: config.deadlines.reattach_seconds * 1000,
      known: false,
      listener: { log, report: (progress) => tell({ type: 'progress', ...progress }), count: () => undefined },
    });
    tell({ type: 'verified', sizeBytes, ...(answeredBy === '' ? {} : { answeredBy }) });
  } catch (thrown) {
    if (signal.aborted) {
      const { message } = asStorageError(signal.reason);
      await agents.cancel(host, operationId, message, AbortSignal.timeout(CANCEL_MS)).catch(() => false);
    }
    throw thrown;
  }
}
