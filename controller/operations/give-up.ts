import { asStorageError } from '../../runtime/errors.ts';
import type { LogLevel } from '../../runtime/operations/types.ts';
import { parseWords } from '../../shims/words.ts';
import type { Leftover } from '../flows/flow.ts';
import { flowOf } from '../flows/flows.ts';
import { findOperations, type StopOptions, stopAgents } from '../hosts/stop-agents.ts';
import type { ActionInput } from './action-kind.ts';
import { type ActionServices, type Begun, placeTools } from './tools.ts';

/**
 * An action is given up before its end: its operations on agents are stopped, which take back what they did, and files of its own that
 * finished steps left are removed. Never throws; what could not be done is logged. `begun` undefined: the daemon was restarted meanwhile.
 */
export async function giveUp(
  input: ActionInput,
  begun: Begun | undefined,
  services: ActionServices,
  log: (level: LogLevel, text: string) => void,
): Promise<void> {
  const { agents, config, hosts } = services;
  const options = { agents, reason: 'the action was given up', deadlineMs: config.deadlines.cancel_seconds * 1000, log };
  // After a restart nobody remembers what was begun: the agents do.
  const everywhere = input.hosts.map((name) => hosts.find(name === '' ? undefined : name));
  const operations = begun === undefined ? await findOperations(everywhere, input.key, options) : [...begun.underWay.values()];
  await stopAgents(operations, options);
  if (begun?.any === false) return;
  const tools = placeTools({ services, key: input.key, stdin: input.stdin });
  const leftovers = flowOf(input.action).leftovers?.(parseWords(input.action, input.argv), tools) ?? [];
  await Promise.all(leftovers.map((leftover, index) => remove(leftover, `${input.key}.undo.${index}`, options)));
}

async function remove({ host, place }: Leftover, operationId: string, { agents, deadlineMs, log }: StopOptions): Promise<void> {
  const request = { operation: { operationId, subject: 'what a given up action left' }, target: place };
  try {
    for await (const { outcome } of agents.start(host, 'Disks/Remove', request, AbortSignal.timeout(deadlineMs))) {
      if (outcome?.failure)
        log('warn', `${place.path} of datastore ${place.datastoreId} stays on ${host.name}: ${outcome.failure.message}`);
    }
  } catch (thrown) {
    log('warn', `${place.path} of datastore ${place.datastoreId} may stay on ${host.name}: ${asStorageError(thrown).message}`);
  }
}
