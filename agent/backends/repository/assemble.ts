import path from 'node:path';
import { StorageError } from '../../../runtime/errors.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import { checkHeader } from '../../images/gate.ts';
import { bitmaps, check, removeBitmap } from '../../tools/qemu-img.ts';
import { flush } from '../file/stage.ts';
import { fetchFile } from './fetch.ts';
import { dropIncrement, forgetBacking, mergeIncrement } from './overlay.ts';
import { type DiskPlan, isExport } from './plan.ts';
import { assembleRbd } from './rbd-chain.ts';
import type { Repository, RepositoryContext } from './repository.ts';

/** Two temporary names of the operation's own on one file system. */
export interface AssemblePaths {
  readonly image: string;
  readonly increment: string;
}

/**
 * Brings a disk of a backup here as one file, qcow2, or raw if it is an export (plan.ts): the full backup as it is, and each increment written into
 * it, so that no more than one increment lies beside it. Each is a step of the operation; the repository is only read. The image is checked and flushed when this returns.
 * `prefix` makes the steps of several disks differ.
 */
export async function assemble(
  repository: Repository,
  plan: DiskPlan,
  paths: AssemblePaths,
  prefix: string,
  step: OperationContext['step'],
  context: RepositoryContext,
): Promise<void> {
  if (isExport(plan)) return await assembleRbd(repository, plan, paths.image, prefix, step, context);
  const [full, ...increments] = plan.parts;
  if (full === undefined) throw new StorageError('internal', 'nothing to assemble');
  await step(`${prefix}fetch-0`, () => fetchFile(repository, full, paths.image, context));
  // What is no disk of a guest (the state of a TPM) is taken as it is.
  if (plan.diskId === 'tpm') return;
  for (const [index, part] of increments.entries()) {
    await step(`${prefix}fetch-${index + 1}`, () => fetchFile(repository, part, paths.increment, context));
    await step(`${prefix}merge-${index + 1}`, async () => {
      if (index === 0) await prepareFull(paths.image);
      const totalBytes = part.file.sizeBytes;
      const onProgress = (done: number): void =>
        context.report({ step: `merge ${part.file.name}`, doneBytes: Math.round(done * totalBytes), totalBytes });
      await mergeIncrement(paths.increment, paths.image, onProgress, context);
      await flush(paths.image);
    });
  }
  await step(`${prefix}check`, async () => {
    await dropIncrement(paths.increment);
    await prepareFull(paths.image);
    for (const bitmap of await bitmaps(paths.image, context)) await removeBitmap(paths.image, bitmap, context);
    const { corruptions } = await check(paths.image, context);
    if (corruptions > 0) {
      throw new StorageError(
        'repository_damaged',
        `disk ${plan.diskId} at ${repository.label} is damaged: qemu-img check finds ${corruptions} errors`,
      );
    }
    await flush(paths.image);
  });
}

/** Of a first increment that is used as a full one (a disk attached later), the backing file is none of ours. */
async function prepareFull(image: string): Promise<void> {
  await forgetBacking(image);
  await checkHeader(image, 'qcow2', { backing: 'none', import: true }).catch((thrown: unknown) => {
    throw thrown instanceof StorageError
      ? new StorageError(thrown.reason, thrown.message.replace(`${path.basename(image)}: `, ''), { cause: thrown })
      : thrown;
  });
}
