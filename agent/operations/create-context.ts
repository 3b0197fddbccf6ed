import { z } from 'zod';
import type { OperationKind } from '../../runtime/operations/types.ts';
import { checkEntries, createContextIso, undoContextIso } from '../backends/file/context-iso.ts';
import { ContextOriginInput, originName } from '../backends/file/context-origin.ts';
import { locate, PlaceInput } from '../backends/file/places.ts';
import type { AgentContext } from '../context.ts';
import { locateForUndo, placeResources } from './volume-input.ts';

export const CreateContextInput = z.object({
  target: PlaceInput,
  files: z.array(z.object({ origin: ContextOriginInput, name: z.string() })).max(1000),
});
export type CreateContextInput = z.infer<typeof CreateContextInput>;

type ContextFile = CreateContextInput['files'][number];

/** The files of a context image under the names they get: `name` when given, else the origin's own. Errors: bad_argument. */
export function contextFiles(given: readonly { readonly origin: ContextFile['origin']; readonly name: string }[]): ContextFile[] {
  return [...checkEntries(given.map(({ origin, name }) => ({ origin, name: name === '' ? originName(origin) : name })))];
}

/** The context image of a VM: context (contract 2.2). */
export function createContext(agent: AgentContext): OperationKind<CreateContextInput, undefined> {
  return {
    name: 'context.create',
    input: CreateContextInput,
    resources: ({ target }) => placeResources(agent.datastores, target),
    async run(input, context) {
      await createContextIso(await locate(agent.datastores, input.target), input.files, agent, context);
      return undefined;
    },
    async undo(input, context) {
      const located = await locateForUndo(agent.datastores, input.target);
      if (located !== undefined) await undoContextIso(located, context.operationId);
    },
  };
}
