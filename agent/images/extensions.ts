import { StorageError } from '../../runtime/errors.ts';

/** Header extensions of qcow2 by their number. */
const TYPES = {
  end: 0,
  backingFormat: 0xe2792aca,
  featureNames: 0x6803f857,
  bitmaps: 0x23852875,
  encryption: 0x0537be77,
  dataFile: 0x44415441,
} as const;

const LONGEST_FORMAT_NAME = 15;
const MAX_BITMAPS = 1024;
const MAX_BITMAP_DIRECTORY = 64n * 1024n * 1024n;
/** Real files have fewer than five. */
const MAX_EXTENSIONS = 64;

export interface Extensions {
  readonly backingFormat: string | undefined;
}

/** The error of a qcow2 file that cannot be used. */
export function refuse(why: string): never {
  throw new StorageError('bad_image', `qcow2 image ${why}`);
}

interface Extension {
  readonly type: number;
  readonly data: Buffer;
}

/** Walks the extensions between the header and `end`. Unknown ones are skipped, as qemu does; those that name another file are refused. */
export function readExtensions(head: Buffer, start: number, end: bigint, clusterSize: bigint, fileSize: bigint): Extensions {
  let backingFormat: string | undefined;
  for (const { type, data } of split(head, start, end)) {
    if (type === TYPES.dataFile) refuse('keeps its data in another file');
    if (type === TYPES.encryption) refuse('is encrypted');
    if (type === TYPES.bitmaps) checkBitmaps(data, clusterSize, fileSize);
    if (type === TYPES.featureNames && data.length % 48 !== 0) refuse('has a damaged table of feature names');
    if (type === TYPES.backingFormat) {
      if (data.length > LONGEST_FORMAT_NAME || backingFormat !== undefined) refuse('has a damaged backing format');
      backingFormat = data.toString('latin1');
    }
  }
  return { backingFormat };
}

function split(head: Buffer, start: number, end: bigint): readonly Extension[] {
  const found: Extension[] = [];
  let offset = start;
  while (BigInt(offset) + 8n <= end) {
    if (offset + 8 > head.length) refuse('has header extensions beyond the first 64 KiB');
    const type = head.readUInt32BE(offset);
    const length = head.readUInt32BE(offset + 4);
    if (type === TYPES.end) break;
    if (found.length === MAX_EXTENSIONS) refuse('has too many header extensions');
    const from = offset + 8;
    if (BigInt(from) + BigInt(length) > end) refuse('has a header extension that is too long');
    if (from + length > head.length) refuse('has header extensions beyond the first 64 KiB');
    found.push({ type, data: head.subarray(from, from + length) });
    offset = from + Math.ceil(length / 8) * 8;
  }
  return found;
}

function checkBitmaps(data: Buffer, clusterSize: bigint, fileSize: bigint): void {
  if (data.length !== 24) refuse('has a damaged bitmap extension');
  const count = data.readUInt32BE(0);
  const size = data.readBigUInt64BE(8);
  const offset = data.readBigUInt64BE(16);
  if (count === 0 || count > MAX_BITMAPS) refuse(`has ${count} bitmaps; ${MAX_BITMAPS} are the limit`);
  const outside = offset < clusterSize || offset % clusterSize !== 0n || offset + size > fileSize;
  if (size > MAX_BITMAP_DIRECTORY || outside) refuse('has its bitmaps outside the file');
}
