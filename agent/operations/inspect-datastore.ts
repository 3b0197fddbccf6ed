import { type Finding, inspectImages, inspectVms } from '../backends/file/inspect.ts';
import type { AgentContext } from '../context.ts';

export interface InspectInput {
  readonly datastoreId: number;
  readonly kind: 'image' | 'system';
  readonly known: readonly string[];
}

/** Not journaled: it changes nothing. */
export function inspectDatastore(agent: AgentContext, input: InspectInput, signal: AbortSignal): AsyncGenerator<Finding> {
  const look = { image: inspectImages, system: inspectVms } as const;
  return look[input.kind]({
    datastores: agent.datastores,
    datastoreId: input.datastoreId,
    known: new Set(input.known),
    isActive: (id) => agent.operations.get(id)?.finishedAt === undefined && agent.operations.get(id) !== undefined,
    signal,
  });
}
