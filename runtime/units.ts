/** Sizes and times with their unit in the type. oned speaks MiB, everything inside speaks bytes. */

declare const unit: unique symbol;
export type Bytes = number & { readonly [unit]: 'bytes' };
export type Milliseconds = number & { readonly [unit]: 'milliseconds' };

export const KIB = 1024;
export const MIB = 1024 * 1024;
export const GIB = 1024 * 1024 * 1024;

/** A count of bytes. Throws RangeError for what is not a whole number from 0 to 2^53 - 1. */
export function bytes(count: number): Bytes {
  if (!Number.isSafeInteger(count) || count < 0) throw new RangeError(`not a count of bytes: ${count}`);
  return count as Bytes;
}

/** oned's MiB (contract 2.2) in bytes. */
export function fromMebibytes(count: number): Bytes {
  return bytes(count * MIB);
}

/** Bytes as oned's MiB, rounded up (contract 5.7). */
export function toMebibytes(count: Bytes): number {
  return Math.ceil(count / MIB);
}

export function milliseconds(count: number): Milliseconds {
  if (!Number.isFinite(count) || count < 0) throw new RangeError(`not a time: ${count}`);
  return count as Milliseconds;
}

const SCALES = [
  { from: 1024 ** 4, name: 'TiB' },
  { from: GIB, name: 'GiB' },
  { from: MIB, name: 'MiB' },
  { from: KIB, name: 'KiB' },
] as const;

/** For people: `20.0 GiB`, `512 B`. */
export function formatBytes(count: number): string {
  for (const { from, name } of SCALES) if (count >= from) return `${(count / from).toFixed(1)} ${name}`;
  return `${count} B`;
}

/** For people: `350 ms`, `12.3 s`, `4m05s`, `2h03m`. */
export function formatDuration(time: number): string {
  if (time < 1000) return `${Math.round(time)} ms`;
  if (time < 60_000) return `${(time / 1000).toFixed(1)} s`;
  const seconds = Math.round(time / 1000);
  const two = (n: number): string => String(n).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  return `${Math.floor(seconds / 3600)}h${two(Math.floor((seconds % 3600) / 60))}m`;
}
