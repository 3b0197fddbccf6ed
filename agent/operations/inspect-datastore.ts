import type { Finding } from '../backends/file/finding.ts';
import { inspectImages, inspectVms } from '../backends/file/inspect.ts';
import type { AgentContext } from '../context.ts';

export interface InspectInput {
  readonly datastoreId: number;
  readonly kind: 'image' | 'system';
  /** Names of images, or ids of virtual machines, that OpenNebula has here. */
  readonly known: readonly string[];
  /** Ids of virtual machines that rest on another host or in another datastore. */
  readonly elsewhere: readonly string[];
  /** Ids of virtual machines that are on their way. */
  readonly moving: readonly string[];
}

/** Not journaled: it changes nothing. */
export function inspectDatastore(agent: AgentContext, input: InspectInput, signal: AbortSignal): AsyncGenerator<Finding> {
  const look = { image: inspectImages, system: inspectVms } as const;
  return look[input.kind]({
    datastores: agent.datastores,
    datastoreId: input.datastoreId,
    known: new Set(input.known),
    elsewhere: new Set(input.elsewhere),
    moving: new Set(input.moving),
    isActive: (id) => {
      const found = agent.operations.get(id);
      return found !== undefined && found.finishedAt === undefined;
    },
    signal,
  });
}
