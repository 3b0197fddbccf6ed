// Original file: onestorage/v1/backup.proto

import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';

export interface SwapDisk {
  /**
   * "7/disk.0"; it may be missing.
   */
  'disk'?: (_onestorage_v1_Place | null);
  /**
   * In the same directory: "7/disk.0.backup".
   */
  'replacement'?: (_onestorage_v1_Place | null);
}

export interface SwapDisk__Output {
  /**
   * "7/disk.0"; it may be missing.
   */
  'disk': (_onestorage_v1_Place__Output | null);
  /**
   * In the same directory: "7/disk.0.backup".
   */
  'replacement': (_onestorage_v1_Place__Output | null);
}
