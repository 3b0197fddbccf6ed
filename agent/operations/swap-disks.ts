import path from 'node:path';
import { z } from 'zod';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { failpoint } from '../../runtime/failpoint.ts';
import type { OperationContext, OperationKind } from '../../runtime/operations/types.ts';
import { lstatOrNothing } from '../backends/file/look.ts';
import { type Located, locate, PlaceInput } from '../backends/file/places.ts';
import { removeTree, setAside } from '../backends/file/remove.ts';
import { flush, publish, stagePath } from '../backends/file/stage.ts';
import type { AgentContext } from '../context.ts';
import { placeResources } from './volume-input.ts';

const SwapDisksInput = z.object({
  disks: z
    .array(z.object({ disk: PlaceInput, replacement: PlaceInput }))
    .min(1)
    .max(1000),
});
type SwapDisksInput = z.infer<typeof SwapDisksInput>;

interface Swap {
  readonly disk: Located;
  readonly replacement: Located;
}

/**
 * Puts restored files in the place of disks, all or none (contract 8, restore). Until every replacement is found whole nothing is touched; from then on it
 * only goes forward, also after a crash. The old disks, with their snapshots, stand aside until the last new one has its name. Error:
 * not_found for a replacement that is not there.
 */
export function swapDisks(agent: Pick<AgentContext, 'datastores'>): OperationKind<SwapDisksInput, undefined> {
  return {
    name: 'disk.swap',
    input: SwapDisksInput,
    resources: ({ disks }) =>
      disks.flatMap(({ disk, replacement }) => [
        ...placeResources(agent.datastores, disk),
        ...placeResources(agent.datastores, replacement),
      ]),
    async run(input, context) {
      const swaps: Swap[] = [];
      for (const { disk, replacement } of input.disks) swaps.push(await located(agent, disk, replacement));
      await context.step('check', async () => {
        for (const { replacement } of swaps) await mustBeFile(replacement);
      });
      context.commit();
      for (const swap of swaps) await context.step(`swap ${swap.disk.name}`, () => swapOne(swap, context));
      await context.step('remove', async () => {
        for (const { disk } of swaps) for (const old of oldNames(disk)) await removeTree(stagePath(old, context.operationId));
      });
      context.log('info', `restored ${swaps.map(({ disk }) => disk.name).join(', ')}`);
      return undefined;
    },
  };
}

async function located(
  { datastores }: Pick<AgentContext, 'datastores'>,
  disk: SwapDisksInput['disks'][number]['disk'],
  replacement: SwapDisksInput['disks'][number]['replacement'],
): Promise<Swap> {
  const swap = { disk: await locate(datastores, disk), replacement: await locate(datastores, replacement) };
  if (path.dirname(swap.disk.path) === path.dirname(swap.replacement.path) && swap.disk.path !== swap.replacement.path) return swap;
  throw new StorageError('bad_argument', `${swap.replacement.name} is not beside ${swap.disk.name}`);
}

async function mustBeFile({ path: file, name }: Located): Promise<void> {
  const found = await lstatOrNothing(file);
  if (found?.isFile() !== true) throw new StorageError('not_found', `the restored ${name} is not there`);
  await flush(file);
}

const oldNames = ({ path: file }: Located): readonly string[] => [file, `${file}.snap`];

/** Run again after a crash, it goes on where it was: a replacement that has gone has its new name. */
async function swapOne({ disk, replacement }: Swap, context: OperationContext): Promise<void> {
  if ((await lstatOrNothing(replacement.path)) === undefined) return;
  try {
    for (const old of oldNames(disk)) await setAside(old, stagePath(old, context.operationId));
  } catch (thrown) {
    throw asStorageError(thrown, `swap ${disk.name}`);
  }
  await failpoint(`disk.swap.${disk.name}.aside`);
  await publish(replacement.path, disk.path);
}
