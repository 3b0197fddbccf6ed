import { z } from 'zod';
import type { OperationKind } from '../../runtime/operations/types.ts';
import { formatOf, readImage } from '../backends/file/copy-image.ts';
import { digestFile } from '../backends/file/digest-image.ts';
import { locate, PlaceInput } from '../backends/file/places.ts';
import type { AgentContext, OperationResult } from '../context.ts';
import { placeResources } from './volume-input.ts';

const describeImageInput = z.object({ target: PlaceInput, format: z.enum(['raw', 'qcow2']).optional() });

export type DescribeImageInput = z.infer<typeof describeImageInput>;

/** What an export needs to know (contract 2.1). Result: format, size of the file, md5 of the file. */
export function describeImage(agent: Pick<AgentContext, 'datastores'>): OperationKind<DescribeImageInput, OperationResult> {
  return {
    name: 'image.describe',
    input: describeImageInput,
    resources: ({ target }) => placeResources(agent.datastores, target),
    async run({ target, format: said }, context) {
      const image = await locate(agent.datastores, target);
      const format = said ?? (await formatOf(image));
      const chain = await readImage(image, format);
      if (chain.length > 1) context.log('warn', `${image.path} has snapshots; its file alone is not the whole image`);
      const digest = await context.step('checksum', () => digestFile(chain[0]?.path ?? image.path, context));
      return { format, ...digest };
    },
  };
}
