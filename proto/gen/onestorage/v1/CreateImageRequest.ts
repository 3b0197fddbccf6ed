// Original file: onestorage/v1/image.proto

import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from '../../onestorage/v1/OperationHeader.ts';
import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';
import type { Long } from '@grpc/proto-loader';

export interface CreateImageRequest {
  'operation'?: (_onestorage_v1_OperationHeader | null);
  'target'?: (_onestorage_v1_Place | null);
  'sizeBytes'?: (number | string | Long);
  /**
   * raw or qcow2.
   */
  'format'?: (string);
  /**
   * Empty, swap, or a file system: ext2, ext3, ext4, xfs.
   */
  'fileSystem'?: (string);
  'preallocate'?: (boolean);
}

export interface CreateImageRequest__Output {
  'operation': (_onestorage_v1_OperationHeader__Output | null);
  'target': (_onestorage_v1_Place__Output | null);
  'sizeBytes': (number);
  /**
   * raw or qcow2.
   */
  'format': (string);
  /**
   * Empty, swap, or a file system: ext2, ext3, ext4, xfs.
   */
  'fileSystem': (string);
  'preallocate': (boolean);
}
