// Original file: onestorage/v1/staging.proto

import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from '../../onestorage/v1/OperationHeader.ts';
import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';
import type { StagedDisk as _onestorage_v1_StagedDisk, StagedDisk__Output as _onestorage_v1_StagedDisk__Output } from '../../onestorage/v1/StagedDisk.ts';

export interface DiscardRequest {
  'operation'?: (_onestorage_v1_OperationHeader | null);
  'directory'?: (_onestorage_v1_Place | null);
  'disks'?: (_onestorage_v1_StagedDisk)[];
  /**
   * Name or UUID of the running domain; empty: the VM is off.
   */
  'domain'?: (string);
  'vmId'?: (number);
}

export interface DiscardRequest__Output {
  'operation': (_onestorage_v1_OperationHeader__Output | null);
  'directory': (_onestorage_v1_Place__Output | null);
  'disks': (_onestorage_v1_StagedDisk__Output)[];
  /**
   * Name or UUID of the running domain; empty: the VM is off.
   */
  'domain': (string);
  'vmId': (number);
}
