// Original file: onestorage/v1/disk.proto

import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from '../../onestorage/v1/OperationHeader.ts';
import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';
import type { Long } from '@grpc/proto-loader';

export interface ResizeDiskRequest {
  'operation'?: (_onestorage_v1_OperationHeader | null);
  'target'?: (_onestorage_v1_Place | null);
  'sizeBytes'?: (number | string | Long);
  'preallocate'?: (boolean);
  /**
   * raw or qcow2: as OpenNebula has it, never probed from the guest's bytes.
   */
  'format'?: (string);
}

export interface ResizeDiskRequest__Output {
  'operation': (_onestorage_v1_OperationHeader__Output | null);
  'target': (_onestorage_v1_Place__Output | null);
  'sizeBytes': (number);
  'preallocate': (boolean);
  /**
   * raw or qcow2: as OpenNebula has it, never probed from the guest's bytes.
   */
  'format': (string);
}
