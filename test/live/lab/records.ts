import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { tool } from './tools.ts';

/** Must be what guest/init gives its writers. */
export const SLOTS = 1024;
const SIZE = 4096;

export interface Records {
  /** Highest record number; -1: none. */
  readonly last: number;
  readonly found: number;
  /** Of those that an image of one point in time must hold. */
  readonly missing: readonly number[];
  /** Slots with something else than a whole record. */
  readonly torn: number;
}

/**
 * What the guest's writer had on a disk when the image was made. The record after the last may have been under way, and its slot then holds
 * the one it replaces, or a part of both: one torn slot is right when it is that one.
 */
export async function readRecords(image: string, format: 'raw' | 'qcow2'): Promise<Records> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'onestorage-records-'));
  try {
    const plain = path.join(directory, 'records');
    await tool('qemu-img', ['dd', '-U', '-f', format, '-O', 'raw', `bs=${SIZE}`, `count=${SLOTS}`, `if=${image}`, `of=${plain}`]);
    return examine(await readFile(plain));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function examine(content: Buffer): Records {
  const numbers = new Map<number, number>();
  const tornSlots: number[] = [];
  for (let slot = 0; slot < SLOTS; slot += 1) {
    const record = content.subarray(slot * SIZE, (slot + 1) * SIZE);
    if (record.every((byte) => byte === 0)) continue;
    const whole =
      record.length === SIZE &&
      record.toString('latin1', 0, 8) === 'ONEREC01' &&
      crc32(record.subarray(0, -4)) === record.readUInt32LE(SIZE - 4);
    if (whole) numbers.set(slot, Number(record.readBigUInt64LE(8)));
    else tornSlots.push(slot);
  }
  const last = Math.max(-1, ...numbers.values());
  const missing: number[] = [];
  for (let number = Math.max(0, last - SLOTS + 1); number <= last; number += 1) {
    const underWay = number === last + 1 - SLOTS && tornSlots.includes(number % SLOTS);
    if (numbers.get(number % SLOTS) !== number && !underWay) missing.push(number);
  }
  return { last, found: numbers.size, missing, torn: tornSlots.filter((slot) => slot !== (last + 1) % SLOTS).length };
}

/** Throws unless the image is of one point in time and holds every record up to `atLeast`. */
export async function verifyRecords(image: string, format: 'raw' | 'qcow2', atLeast: number): Promise<Records> {
  const records = await readRecords(image, format);
  const { last, missing, torn } = records;
  if (missing.length > 0 || torn > 0) {
    throw new Error(`${image}: up to record ${last}, ${missing.length} missing (${missing.slice(0, 5).join(', ')}…), ${torn} torn`);
  }
  if (last < atLeast) throw new Error(`${image}: ends at record ${last}, but the guest had written ${atLeast} before`);
  return records;
}
