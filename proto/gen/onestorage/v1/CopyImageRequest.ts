// Original file: onestorage/v1/image.proto

import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from '../../onestorage/v1/OperationHeader.ts';
import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';

export interface CopyImageRequest {
  'operation'?: (_onestorage_v1_OperationHeader | null);
  'source'?: (_onestorage_v1_Place | null);
  'target'?: (_onestorage_v1_Place | null);
  /**
   * raw, qcow2, or empty: as it is.
   */
  'convertTo'?: (string);
  'preallocate'?: (boolean);
  /**
   * raw or qcow2, as OpenNebula has it; empty: by the first bytes.
   */
  'sourceFormat'?: (string);
}

export interface CopyImageRequest__Output {
  'operation': (_onestorage_v1_OperationHeader__Output | null);
  'source': (_onestorage_v1_Place__Output | null);
  'target': (_onestorage_v1_Place__Output | null);
  /**
   * raw, qcow2, or empty: as it is.
   */
  'convertTo': (string);
  'preallocate': (boolean);
  /**
   * raw or qcow2, as OpenNebula has it; empty: by the first bytes.
   */
  'sourceFormat': (string);
}
