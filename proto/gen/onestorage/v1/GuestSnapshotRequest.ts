// Original file: onestorage/v1/live.proto

import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from '../../onestorage/v1/OperationHeader.ts';
import type { GuestDisk as _onestorage_v1_GuestDisk, GuestDisk__Output as _onestorage_v1_GuestDisk__Output } from '../../onestorage/v1/GuestDisk.ts';

export interface GuestSnapshotRequest {
  'operation'?: (_onestorage_v1_OperationHeader | null);
  'disk'?: (_onestorage_v1_GuestDisk | null);
  'snapshotId'?: (number);
  /**
   * none, agent or suspend: how the guest is held for the moment of the snapshot. Ignored by Delete.
   */
  'quiet'?: (string);
}

export interface GuestSnapshotRequest__Output {
  'operation': (_onestorage_v1_OperationHeader__Output | null);
  'disk': (_onestorage_v1_GuestDisk__Output | null);
  'snapshotId': (number);
  /**
   * none, agent or suspend: how the guest is held for the moment of the snapshot. Ignored by Delete.
   */
  'quiet': (string);
}
