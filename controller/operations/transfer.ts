import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenExportRequest } from '../../proto/gen/onestorage/v1/OpenExportRequest.ts';
import type { OperationEvent__Output } from '../../proto/gen/onestorage/v1/OperationEvent.ts';
import type { ReceiveRequest } from '../../proto/gen/onestorage/v1/ReceiveRequest.ts';
import { asStorageError, type Reason } from '../../runtime/errors.ts';
import type { TransferSource, TransferTarget } from '../flows/flow.ts';
import type { AgentCalls } from '../hosts/agent-calls.ts';
import type { Host } from '../hosts/directory.ts';
import type { AgentResult } from '../hosts/follow.ts';

/** Follows an operation of an agent to its end. */
export type FollowAgent = (
  host: Host,
  operationId: string,
  open: (signal: AbortSignal) => AsyncIterable<OperationEvent__Output>,
  /** A host that does not answer at first is looked for, too. */
  wait?: boolean,
) => Promise<AgentResult>;

export interface TransferOptions {
  readonly agents: AgentCalls;
  readonly signal: AbortSignal;
  readonly operationId: string;
  readonly subject: string;
  readonly bytesPerSecond: number;
  /** 1 on the first run of the action. */
  readonly attempt: number;
  readonly followAgent: FollowAgent;
  log(text: string): void;
}

const TRIES = 3;
const PAUSE_MS = 1000;
/** What a new ticket may mend: the source's agent has forgotten the old one, or the network broke. */
const MENDABLE: ReadonlySet<Reason> = new Set(['transfer_failed', 'interrupted']);

/** The operations that a transfer may have been, one for each try. */
export function receiveIds(operationId: string): readonly string[] {
  return Array.from({ length: TRIES }, (_, index) => (index === 0 ? operationId : `${operationId}.${index + 1}`));
}

/**
 * Opens the source and lets the target's agent receive it. Each try is an operation of its own, numbered, so a controller that was restarted
 * finds the one that is under way. The ticket stays in memory: it is a secret.
 */
export async function transferData(source: TransferSource, target: TransferTarget, options: TransferOptions): Promise<AgentResult> {
  for (let number = 1; ; number += 1) {
    const operationId = number === 1 ? options.operationId : `${options.operationId}.${number}`;
    try {
      return (await attach(target, operationId, options)) ?? (await receive(source, target, operationId, options));
    } catch (thrown) {
      const error = asStorageError(thrown);
      if (!MENDABLE.has(error.reason) || number >= TRIES || options.signal.aborted) throw error;
      options.log(`the transfer broke, trying again (${number + 1} of ${TRIES}): ${error.message}`);
      await sleep(PAUSE_MS * number, undefined, { signal: options.signal });
    }
  }
}

/** After a restart the receiver may be at work, or done, without the source being needed any more. */
async function attach({ host }: TransferTarget, operationId: string, options: TransferOptions): Promise<AgentResult | undefined> {
  if (options.attempt === 1) return undefined;
  try {
    return await options.followAgent(host, operationId, (signal) => options.agents.watch(host, operationId, signal));
  } catch (thrown) {
    if (asStorageError(thrown).reason === 'not_found') return undefined;
    throw thrown;
  }
}

async function receive(
  source: TransferSource,
  target: TransferTarget,
  operationId: string,
  options: TransferOptions,
): Promise<AgentResult> {
  const { agents, signal } = options;
  const receiverMachineId = await agents.machineId(target.host, signal);
  const { opened, request } = transferRequests(source, target, { ...options, operationId, receiverMachineId });
  // Also when both are one machine: the receiver sees it by the ticket, and then copies without the network.
  const ticket = await agents.openExport(source.host, opened, signal);
  const { host } = target;
  return await options.followAgent(host, operationId, (streamSignal) =>
    agents.start(host, 'Transfers/Receive', { ...request, ticket }, streamSignal),
  );
}

/** What the source is asked for, and the target but for the ticket. */
export function transferRequests(
  source: TransferSource,
  { host: _host, ...what }: TransferTarget,
  {
    operationId,
    subject,
    bytesPerSecond,
    receiverMachineId,
  }: Pick<TransferOptions, 'operationId' | 'subject' | 'bytesPerSecond'> & {
    readonly receiverMachineId: string;
  },
): { readonly opened: OpenExportRequest; readonly request: Omit<ReceiveRequest, 'ticket'> } {
  const opened = {
    operationId,
    source: source.place,
    format: source.format,
    receiverMachineId,
    flat: source.flat ?? false,
    ...(source.domain === undefined ? {} : { domain: source.domain }),
    ...(source.snapshotId === undefined ? {} : { snapshotId: source.snapshotId }),
  };
  return { opened, request: { operation: { operationId, subject }, source: opened, ...what, bytesPerSecond } };
}
