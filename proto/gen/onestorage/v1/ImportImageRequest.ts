// Original file: onestorage/v1/image.proto

import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from '../../onestorage/v1/OperationHeader.ts';
import type { Origin as _onestorage_v1_Origin, Origin__Output as _onestorage_v1_Origin__Output } from '../../onestorage/v1/Origin.ts';
import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';
import type { Checksum as _onestorage_v1_Checksum, Checksum__Output as _onestorage_v1_Checksum__Output } from '../../onestorage/v1/Checksum.ts';

export interface ImportImageRequest {
  'operation'?: (_onestorage_v1_OperationHeader | null);
  'origin'?: (_onestorage_v1_Origin | null);
  'target'?: (_onestorage_v1_Place | null);
  'checksums'?: (_onestorage_v1_Checksum)[];
  /**
   * raw, qcow2, or empty: as it comes.
   */
  'convertTo'?: (string);
  /**
   * A FILE datastore or a CDROM: any content, never converted.
   */
  'opaque'?: (boolean);
  /**
   * SPARSE=no: every block is allocated.
   */
  'preallocate'?: (boolean);
  /**
   * Directory on the host for what must be converted; empty: beside the target.
   */
  'stagingDir'?: (string);
}

export interface ImportImageRequest__Output {
  'operation': (_onestorage_v1_OperationHeader__Output | null);
  'origin': (_onestorage_v1_Origin__Output | null);
  'target': (_onestorage_v1_Place__Output | null);
  'checksums': (_onestorage_v1_Checksum__Output)[];
  /**
   * raw, qcow2, or empty: as it comes.
   */
  'convertTo': (string);
  /**
   * A FILE datastore or a CDROM: any content, never converted.
   */
  'opaque': (boolean);
  /**
   * SPARSE=no: every block is allocated.
   */
  'preallocate': (boolean);
  /**
   * Directory on the host for what must be converted; empty: beside the target.
   */
  'stagingDir': (string);
}
