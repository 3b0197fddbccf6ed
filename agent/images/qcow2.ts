import { type Bytes, bytes } from '../../runtime/units.ts';
import { type Extensions, readExtensions, refuse } from './extensions.ts';

/** What a sound qcow2 header says. */
export interface Qcow2Header {
  readonly version: 2 | 3;
  readonly virtualSize: Bytes;
  readonly clusterBits: number;
  readonly backing: string | undefined;
  readonly backingFormat: string | undefined;
  /** States of the whole machine kept inside the file (internal snapshots). */
  readonly savedStates: number;
  /** Where the first level table lies: without an entry the file holds no data of the guest. */
  readonly table: { readonly offset: number; readonly length: number };
}

const KNOWN_INCOMPATIBLE = { dirty: 1n, corrupt: 2n, dataFile: 4n, compression: 8n, extendedL2: 16n } as const;
const ALLOWED_INCOMPATIBLE = KNOWN_INCOMPATIBLE.dirty | KNOWN_INCOMPATIBLE.compression | KNOWN_INCOMPATIBLE.extendedL2;
/** Autoclear bit 1: the guest's data stands in an external file. */
const RAW_EXTERNAL_DATA = 2n;
/** Tables qemu itself refuses above this. */
const MAX_L1_BYTES = 32n * 1024n * 1024n;
const MAX_REFCOUNT_TABLE_BYTES = 8n * 1024n * 1024n;
const MAX_INTERNAL_SNAPSHOTS = 1024;
const MAX_BACKING_NAME = 1023;

interface Fields {
  readonly head: Buffer;
  readonly fileSize: bigint;
  readonly version: 2 | 3;
  readonly headerLength: number;
  readonly clusterBits: number;
  readonly clusterSize: bigint;
  readonly incompatible: bigint;
}

/**
 * Reads and judges the header of a qcow2 file. `head` is the start of the file, at most 64 KiB. Every number is checked before it is used, so
 * the time and memory this takes do not depend on what the file says. Error: bad_image.
 */
export function readQcow2(head: Buffer, fileSize: number): Qcow2Header {
  const fields = readFields(head, BigInt(fileSize));
  checkFeatures(fields);
  if (head.readUInt32BE(32) !== 0) refuse('is encrypted');
  const virtualSize = checkSize(fields);
  checkTables(fields, virtualSize);
  checkSnapshots(fields);
  const backingOffset = head.readBigUInt64BE(8);
  const extensions = readExtensions(head, fields.headerLength, extensionsEnd(fields, backingOffset), fields.clusterSize, fields.fileSize);
  return {
    version: fields.version,
    virtualSize: bytes(Number(virtualSize)),
    clusterBits: fields.clusterBits,
    backing: backingName(fields, backingOffset),
    backingFormat: backingFormat(extensions),
    savedStates: head.readUInt32BE(60),
    // Within the file by now, so no larger than a number can be.
    table: { offset: Number(head.readBigUInt64BE(40)), length: head.readUInt32BE(36) * 8 },
  };
}

function readFields(head: Buffer, fileSize: bigint): Fields {
  if (head.length < 72 || head.toString('latin1', 0, 4) !== 'QFI\xfb') refuse('has no header');
  const version = head.readUInt32BE(4);
  if (version !== 2 && version !== 3) refuse(`has version ${version}; 2 and 3 are known`);
  if (version === 3 && head.length < 104) refuse('ends within its header');
  const clusterBits = head.readUInt32BE(20);
  if (clusterBits < 9 || clusterBits > 21) refuse(`has clusters of 2^${clusterBits} bytes; 2^9 to 2^21 are known`);
  const clusterSize = 1n << BigInt(clusterBits);
  const headerLength = version === 2 ? 72 : head.readUInt32BE(100);
  if (version === 3 && (headerLength < 104 || headerLength % 8 !== 0)) refuse(`has a header of ${headerLength} bytes`);
  if (BigInt(headerLength) > clusterSize || headerLength > head.length) refuse(`has a header of ${headerLength} bytes`);
  const incompatible = version === 2 ? 0n : head.readBigUInt64BE(72);
  return { head, fileSize, version: version === 2 ? 2 : 3, headerLength, clusterBits, clusterSize, incompatible };
}

function checkFeatures({ head, version, headerLength, clusterBits, incompatible }: Fields): void {
  if (version === 2) return;
  if ((incompatible & KNOWN_INCOMPATIBLE.dataFile) !== 0n) refuse('keeps its data in another file');
  if ((incompatible & KNOWN_INCOMPATIBLE.corrupt) !== 0n) refuse('is marked corrupt');
  const unknown = incompatible & ~ALLOWED_INCOMPATIBLE;
  if (unknown !== 0n) refuse(`needs unknown features (0x${unknown.toString(16)})`);
  if ((head.readBigUInt64BE(88) & RAW_EXTERNAL_DATA) !== 0n) refuse('keeps its data in another file');
  const compression = headerLength > 104 ? head.readUInt8(104) : 0;
  const flagged = (incompatible & KNOWN_INCOMPATIBLE.compression) !== 0n;
  if (compression > 1 || flagged !== (compression !== 0)) refuse(`has an unknown compression (${compression})`);
  if ((incompatible & KNOWN_INCOMPATIBLE.extendedL2) !== 0n && clusterBits < 14) refuse('has clusters too small for subclusters');
  const order = head.readUInt32BE(96);
  if (order > 6) refuse(`has reference counts of 2^${order} bits`);
}

function checkSize({ head }: Fields): bigint {
  const size = head.readBigUInt64BE(24);
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) refuse(`says it is ${size} bytes long`);
  if (size % 512n !== 0n) refuse(`has a size of ${size} bytes, not a multiple of 512`);
  return size;
}

/** A table must lie behind the header, on a cluster, within the file. */
function checkTable(what: string, offset: bigint, length: bigint, { clusterSize, fileSize }: Fields): void {
  if (offset < clusterSize || offset % clusterSize !== 0n || offset + length > fileSize) refuse(`has its ${what} outside the file`);
}

function checkTables(fields: Fields, virtualSize: bigint): void {
  const { head, clusterSize, incompatible } = fields;
  const entrySize = (incompatible & KNOWN_INCOMPATIBLE.extendedL2) === 0n ? 8n : 16n;
  const covered = clusterSize * (clusterSize / entrySize);
  const needed = (virtualSize + covered - 1n) / covered;
  const l1Entries = BigInt(head.readUInt32BE(36));
  if (l1Entries * 8n > MAX_L1_BYTES) refuse('has a first level table that is too large');
  if (l1Entries < needed) refuse('has a first level table that is too small for its size');
  if (l1Entries > 0n) checkTable('first level table', head.readBigUInt64BE(40), l1Entries * 8n, fields);
  const refcountBytes = BigInt(head.readUInt32BE(56)) * clusterSize;
  if (refcountBytes === 0n) refuse('has no reference counts');
  if (refcountBytes > MAX_REFCOUNT_TABLE_BYTES) refuse('has a reference count table that is too large');
  checkTable('reference count table', head.readBigUInt64BE(48), refcountBytes, fields);
}

function checkSnapshots(fields: Fields): void {
  const count = fields.head.readUInt32BE(60);
  const offset = fields.head.readBigUInt64BE(64);
  if (count > MAX_INTERNAL_SNAPSHOTS) refuse(`has ${count} internal snapshots; ${MAX_INTERNAL_SNAPSHOTS} are the limit`);
  if (count > 0) checkTable('snapshot table', offset, BigInt(count) * 40n, fields);
  else if (offset !== 0n) refuse('has a snapshot table without snapshots');
}

/** Extensions end where the backing file's name starts, else with the first cluster. */
function extensionsEnd({ headerLength, clusterSize }: Fields, backingOffset: bigint): bigint {
  if (backingOffset === 0n) return clusterSize;
  if (backingOffset < BigInt(headerLength) || backingOffset > clusterSize) refuse('has the name of its backing file outside the header');
  return backingOffset;
}

function backingName({ head, clusterSize }: Fields, offset: bigint): string | undefined {
  const length = head.readUInt32BE(16);
  if (offset === 0n) {
    if (length !== 0) refuse('has a backing file name of no place');
    return undefined;
  }
  const end = offset + BigInt(length);
  if (length === 0 || length > MAX_BACKING_NAME || end > clusterSize || end > BigInt(head.length)) {
    refuse('has a backing file name that is too long');
  }
  const raw = head.subarray(Number(offset), Number(end));
  const name = raw.toString('utf8');
  if (/[\p{Cc}\ufffd]/u.test(name) || /^[^/]*:/u.test(name)) refuse('has a backing file name that is no path');
  return name;
}

function backingFormat({ backingFormat: format }: Extensions): string | undefined {
  if (format !== undefined && format !== 'raw' && format !== 'qcow2') refuse('has a backing file of a format other than raw and qcow2');
  return format;
}
