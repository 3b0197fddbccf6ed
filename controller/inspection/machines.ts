import { asStorageError } from '../../runtime/errors.ts';
import type { AgentCalls } from '../hosts/agent-calls.ts';
import type { Host, HostDirectory } from '../hosts/directory.ts';
import type { InspectionEvent } from './events.ts';
import type { Machine } from './expected.ts';

/** A machine with an agent that answers, and by which name it is asked. */
export interface FoundMachine extends Machine {
  readonly host: Host;
}

export type Unanswered = Extract<InspectionEvent, { readonly type: 'unanswered' }>;

export interface FoundMachines {
  readonly machines: readonly FoundMachine[];
  readonly unanswered: readonly Unanswered[];
}

/**
 * The machines behind the front-end and these host names. One machine may have several names, and be front-end and host at once: its datastore
 * is looked at once, and what belongs to any of its names belongs there.
 */
export async function findMachines(
  names: readonly string[],
  { hosts, agents }: { readonly hosts: HostDirectory; readonly agents: AgentCalls },
  signal: AbortSignal,
): Promise<FoundMachines> {
  const found = new Map<string, { host: Host; names: Set<string>; isFrontEnd: boolean }>();
  const unanswered: Unanswered[] = [];
  const wanted: (string | undefined)[] = [undefined, ...new Set(names.map((name) => name.toLowerCase()))];
  const ask = async (name: string | undefined): Promise<void> => {
    try {
      const host = hosts.find(name);
      const machineId = await agents.machineId(host, signal);
      const known = found.get(machineId) ?? { host, names: new Set<string>(), isFrontEnd: false };
      known.names.add((name ?? host.name).toLowerCase());
      // A name of the front-end among the hosts means the front-end, too.
      known.isFrontEnd ||= host.address === hosts.frontEnd.address;
      found.set(machineId, known);
    } catch (thrown) {
      signal.throwIfAborted();
      const { reason, message } = asStorageError(thrown);
      unanswered.push({ type: 'unanswered', host: name ?? hosts.frontEnd.name, reason, message });
    }
  };
  await Promise.all(wanted.map(ask));
  const machines = [...found.values()].sort((one, other) => one.host.name.localeCompare(other.host.name));
  return { machines, unanswered: unanswered.sort((one, other) => one.host.localeCompare(other.host)) };
}
