import { stat } from 'node:fs/promises';
import { StorageError } from '../../../runtime/errors.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import { type Bytes, bytes } from '../../../runtime/units.ts';
import { type ImageFormat, convert as qemuConvert } from '../../tools/qemu-img.ts';
import { run } from '../../tools/run.ts';
import { readHeader } from './layers.ts';
import { flush } from './stage.ts';

const SECTOR = 512;

/** The size a guest sees. qemu rounds a raw file up to whole sectors. */
export async function virtualSize(file: string, format: ImageFormat): Promise<Bytes> {
  if (format === 'qcow2') return (await readHeader(file)).virtualSize;
  return bytes(Math.ceil((await stat(file)).size / SECTOR) * SECTOR);
}

/** Do both show a guest the same bytes? How they are allocated may differ. */
export async function isSame(
  a: string,
  formatA: ImageFormat,
  b: string,
  formatB: ImageFormat,
  context: OperationContext,
): Promise<boolean> {
  const size = await virtualSize(a, formatA);
  // qemu-img takes a longer image for the same when the rest is zeros.
  if (size !== (await virtualSize(b, formatB))) return false;
  const { code } = await run('qemu-img', ['compare', '-q', '-f', formatA, '-F', formatB, '--', a, b], {
    signal: context.signal,
    count: (figures) => context.count(figures),
    okCodes: [0, 1],
  });
  context.count({ verifiedBytes: size });
  return code === 0;
}

/** Errors: storage_failed unless a copy shows a guest what its source does. */
export async function mustBeSame(
  a: string,
  formatA: ImageFormat,
  b: string,
  formatB: ImageFormat,
  context: OperationContext,
): Promise<void> {
  if (await isSame(a, formatA, b, formatB, context)) return;
  throw new StorageError('storage_failed', `the copy of ${a} differs from it; check the disk and the memory of this host`);
}

/** Writes what a chain holds as one flushed and compared file without backing file. */
export async function writeFlat(
  from: { readonly path: string; readonly format: ImageFormat },
  to: { readonly path: string; readonly format: ImageFormat; readonly preallocate: boolean },
  step: string,
  context: OperationContext,
): Promise<void> {
  const size = await virtualSize(from.path, from.format);
  const onProgress = (done: number): void => context.report({ step, doneBytes: Math.round(done * size), totalBytes: size });
  await qemuConvert(from.path, from.format, to.path, to.format, { onProgress, preallocate: to.preallocate }, context);
  await flush(to.path);
  context.count({ movedBytes: size });
  await mustBeSame(from.path, from.format, to.path, to.format, context);
}
