// Original file: onestorage/v1/backup.proto

import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from '../../onestorage/v1/OperationHeader.ts';
import type { SwapDisk as _onestorage_v1_SwapDisk, SwapDisk__Output as _onestorage_v1_SwapDisk__Output } from '../../onestorage/v1/SwapDisk.ts';

export interface SwapDisksRequest {
  'operation'?: (_onestorage_v1_OperationHeader | null);
  'disks'?: (_onestorage_v1_SwapDisk)[];
}

export interface SwapDisksRequest__Output {
  'operation': (_onestorage_v1_OperationHeader__Output | null);
  'disks': (_onestorage_v1_SwapDisk__Output)[];
}
