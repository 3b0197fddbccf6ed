import { bytes, toMebibytes } from '../../runtime/units.ts';

export interface Usage {
  readonly totalBytes: number;
  readonly usedBytes: number;
  readonly freeBytes: number;
}

/** As OpenNebula reads it (contract 6.1). */
export function usageText({ totalBytes, usedBytes, freeBytes }: Usage): string {
  // Down, not up: free space that is not there must not be promised.
  const free = Math.floor(freeBytes / 1024 ** 2);
  return `USED_MB=${toMebibytes(bytes(usedBytes))} TOTAL_MB=${toMebibytes(bytes(totalBytes))} FREE_MB=${free}`;
}
