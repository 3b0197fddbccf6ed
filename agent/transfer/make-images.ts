import { open, rm } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { OperationContext } from '../../runtime/operations/types.ts';
import { bytes } from '../../runtime/units.ts';
import { chainFrom, MIGRATING } from '../backends/file/chain.ts';
import type { PlaceOf } from '../backends/file/places.ts';
import { flush } from '../backends/file/stage.ts';
import { create } from '../tools/qemu-img.ts';
import type { Entry } from './entries.ts';
import { sum } from './receiving.ts';
import { requireSpace } from './space.ts';

interface Where {
  readonly place: PlaceOf;
  readonly hostName: string;
  readonly directory: string;
}

/**
 * Makes the images of a manifest below `root`, empty, after all it copies is there: their backing files are among that, and are looked at. Errors:
 * no_space when there is not enough for what the guest's disks hold; broken_chain.
 */
export async function makeImages(root: string, entries: readonly Entry[], where: Where, context: OperationContext): Promise<void> {
  const images = entries.filter(({ type }) => type === 'image');
  await requireSpace(where.directory, sum(images, false), { datastoreId: where.place.datastoreId, hostName: where.hostName });
  for (const image of images) {
    const file = path.join(root, image.path);
    await rm(file, { force: true });
    if (image.format === 'qcow2') await makeLayer(root, file, image, context);
    else await makeRaw(file, image.sizeBytes);
    await flush(file);
  }
}

async function makeRaw(file: string, size: number): Promise<void> {
  try {
    const handle = await open(file, 'wx', 0o600);
    await handle.truncate(size).finally(() => handle.close());
  } catch (thrown) {
    throw asStorageError(thrown);
  }
}

async function makeLayer(root: string, file: string, { path: name, sizeBytes, backing }: Entry, context: OperationContext): Promise<void> {
  const options = backing === '' ? {} : { backing: { name: backing, format: 'qcow2' } as const };
  await create(file, 'qcow2', bytes(sizeBytes), options, context);
  const base = path.basename(name);
  const disk = base.endsWith(MIGRATING) ? base.slice(0, -MIGRATING.length) : base;
  const [top] = await chainFrom(file, 'qcow2', { disk: path.join(root, path.dirname(name), disk), root: path.dirname(root) });
  if (top?.virtualSize !== sizeBytes) throw new StorageError('internal', `${file} is not the image that was asked for`);
}
