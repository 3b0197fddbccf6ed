// Original file: onestorage/v1/image.proto

import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from '../../onestorage/v1/OperationHeader.ts';
import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';

export interface DescribeImageRequest {
  'operation'?: (_onestorage_v1_OperationHeader | null);
  'target'?: (_onestorage_v1_Place | null);
}

export interface DescribeImageRequest__Output {
  'operation': (_onestorage_v1_OperationHeader__Output | null);
  'target': (_onestorage_v1_Place__Output | null);
}
