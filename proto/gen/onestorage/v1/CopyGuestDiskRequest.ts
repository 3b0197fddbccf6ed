// Original file: onestorage/v1/live.proto

import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from '../../onestorage/v1/OperationHeader.ts';
import type { GuestDisk as _onestorage_v1_GuestDisk, GuestDisk__Output as _onestorage_v1_GuestDisk__Output } from '../../onestorage/v1/GuestDisk.ts';
import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';

export interface CopyGuestDiskRequest {
  'operation'?: (_onestorage_v1_OperationHeader | null);
  'disk'?: (_onestorage_v1_GuestDisk | null);
  /**
   * A temporary name in the disk's directory; what an earlier copy of this disk left there goes.
   */
  'target'?: (_onestorage_v1_Place | null);
  'quiet'?: (string);
}

export interface CopyGuestDiskRequest__Output {
  'operation': (_onestorage_v1_OperationHeader__Output | null);
  'disk': (_onestorage_v1_GuestDisk__Output | null);
  /**
   * A temporary name in the disk's directory; what an earlier copy of this disk left there goes.
   */
  'target': (_onestorage_v1_Place__Output | null);
  'quiet': (string);
}
