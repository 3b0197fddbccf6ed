// Original file: onestorage/v1/snapshot.proto

import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from '../../onestorage/v1/OperationHeader.ts';
import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';

export interface SnapshotRequest {
  'operation'?: (_onestorage_v1_OperationHeader | null);
  /**
   * The disk ("9/disk.0") or the image ("1a394a80…") that has the snapshot.
   */
  'disk'?: (_onestorage_v1_Place | null);
  'snapshotId'?: (number);
  /**
   * raw or qcow2: as OpenNebula has it.
   */
  'format'?: (string);
}

export interface SnapshotRequest__Output {
  'operation': (_onestorage_v1_OperationHeader__Output | null);
  /**
   * The disk ("9/disk.0") or the image ("1a394a80…") that has the snapshot.
   */
  'disk': (_onestorage_v1_Place__Output | null);
  'snapshotId': (number);
  /**
   * raw or qcow2: as OpenNebula has it.
   */
  'format': (string);
}
