import { asStorageError } from '../../runtime/errors.ts';
import type { LogLevel } from '../../runtime/operations/types.ts';
import type { AgentCalls } from './agent-calls.ts';
import type { Host } from './directory.ts';

export interface AgentOperation {
  readonly host: Host;
  readonly operationId: string;
}

export interface StopOptions {
  readonly agents: AgentCalls;
  readonly reason: string;
  /** How long all of it may take. */
  readonly deadlineMs: number;
  log(level: LogLevel, text: string): void;
}

/**
 * Cancels operations of agents and waits until they have stopped: only then may another action work on the same disks. Never throws; what
 * could not be stopped is logged.
 */
export async function stopAgents(operations: readonly AgentOperation[], options: StopOptions): Promise<void> {
  const signal = AbortSignal.timeout(options.deadlineMs);
  await Promise.all(operations.map((operation) => stopOne(operation, options, signal)));
}

async function stopOne({ host, operationId }: AgentOperation, { agents, reason, log }: StopOptions, signal: AbortSignal): Promise<void> {
  try {
    await agents.cancel(host, operationId, reason, signal);
    for await (const event of agents.watch(host, operationId, signal)) if (event.outcome) return;
  } catch (thrown) {
    const error = asStorageError(thrown);
    if (error.reason !== 'not_found') log('warn', `operation ${operationId} on ${host.name} could not be stopped: ${error.message}`);
  }
}

/** What is under way on these hosts for the action with this id. Hosts that do not answer are logged and left out. */
export async function findOperations(hosts: readonly Host[], actionId: string, options: StopOptions): Promise<readonly AgentOperation[]> {
  const signal = AbortSignal.timeout(options.deadlineMs);
  const found = await Promise.all(
    hosts.map(async (host) => {
      try {
        const ids = await options.agents.running(host, signal);
        return ids.filter((id) => id.startsWith(`${actionId}.`)).map((operationId) => ({ host, operationId }));
      } catch (thrown) {
        options.log('warn', `${host.name} cannot be asked what it still does for this action: ${asStorageError(thrown).message}`);
        return [];
      }
    }),
  );
  return found.flat();
}
