// Original file: onestorage/v1/inspection.proto

import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from '../../onestorage/v1/OperationHeader.ts';
import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';

export interface QuarantineRequest {
  'operation'?: (_onestorage_v1_OperationHeader | null);
  'place'?: (_onestorage_v1_Place | null);
}

export interface QuarantineRequest__Output {
  'operation': (_onestorage_v1_OperationHeader__Output | null);
  'place': (_onestorage_v1_Place__Output | null);
}
