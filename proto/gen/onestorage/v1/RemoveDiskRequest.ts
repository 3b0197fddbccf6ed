// Original file: onestorage/v1/disk.proto

import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from '../../onestorage/v1/OperationHeader.ts';
import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';

export interface RemoveDiskRequest {
  'operation'?: (_onestorage_v1_OperationHeader | null);
  /**
   * A disk ("9/disk.0": with its .snap), a kernel, or a VM directory ("9").
   */
  'target'?: (_onestorage_v1_Place | null);
}

export interface RemoveDiskRequest__Output {
  'operation': (_onestorage_v1_OperationHeader__Output | null);
  /**
   * A disk ("9/disk.0": with its .snap), a kernel, or a VM directory ("9").
   */
  'target': (_onestorage_v1_Place__Output | null);
}
