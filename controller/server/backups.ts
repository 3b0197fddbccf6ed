import type { ServerResponse } from 'node:http';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { VerifyEvent, WhatToVerify } from '../backups/verify.ts';
import type { VmChain } from '../opennebula/reset-chain.ts';
import { idOf, sendEvents } from './events.ts';
import { errorAnswer, sendJson } from './operations.ts';

/** What stands behind it. */
export interface BackupOrders {
  verify(what: WhatToVerify, signal: AbortSignal): AsyncIterable<VerifyEvent>;
  chain(vmId: number, signal: AbortSignal): Promise<VmChain>;
  /** Throws conflict while a backup runs. */
  reset(vmId: number, signal: AbortSignal): Promise<void>;
}

type Flag = (name: string) => boolean;
type Order = (backups: BackupOrders, rest: readonly string[], flag: Flag, response: ServerResponse) => Promise<void>;

const ROUTES: Readonly<Record<string, Order>> = {
  'POST backups verification 2': verify,
  'POST backups verification 3': verify,
  'POST backups boot 3': boot,
  'POST backups boot 4': boot,
  'POST vms chain 2': reset,
};

/** POST /v1/backups/<image>/verification[/<increment>], POST /v1/backups/<image>/boot/<seconds>[/<increment>], POST /v1/vms/<id>/chain[?reset=1]; undefined: it is no such request. */
export function findBackupOrder(
  backups: BackupOrders | undefined,
  method: string,
  area: string | undefined,
  rest: readonly string[],
): ((flag: Flag, response: ServerResponse) => Promise<void>) | undefined {
  const key = `${method} ${area} ${rest[1]} ${rest.length}`;
  const order = Object.hasOwn(ROUTES, key) ? ROUTES[key] : undefined;
  return backups === undefined || order === undefined ? undefined : (flag, response) => order(backups, rest, flag, response);
}

async function verify(backups: BackupOrders, [image = '', , increment]: readonly string[], _flag: unknown, response: ServerResponse) {
  await sendEvents(response, async function* (signal) {
    yield* backups.verify({ imageId: idOf(image, 'a backup image'), incrementId: incrementOf(increment) }, signal);
  });
}

async function boot(
  backups: BackupOrders,
  [image = '', , seconds = '', increment]: readonly string[],
  _flag: unknown,
  response: ServerResponse,
) {
  await sendEvents(response, async function* (signal) {
    const what = { imageId: idOf(image, 'a backup image'), incrementId: incrementOf(increment), bootSeconds: idOf(seconds, 'a time') };
    yield* backups.verify(what, signal);
  });
}

/** -1: the last one. */
function incrementOf(text: string | undefined): number {
  return text === undefined ? -1 : idOf(text, 'an increment');
}

/** Gives how it was before. A caller who goes away does not stop it: it is two calls, which belong together. */
async function reset(backups: BackupOrders, [vm = '']: readonly string[], flag: Flag, response: ServerResponse) {
  const { signal } = new AbortController();
  try {
    const vmId = idOf(vm, 'a virtual machine');
    const chain = await backups.chain(vmId, signal);
    if (chain.backupRuns) throw new StorageError('conflict', `a backup of VM ${vmId} runs: wait until it has ended`);
    if (flag('reset')) await backups.reset(vmId, signal);
    sendJson(response, { status: 200, body: chain });
  } catch (thrown) {
    const { reason, message } = asStorageError(thrown);
    sendJson(response, errorAnswer(reason, message));
  }
}
