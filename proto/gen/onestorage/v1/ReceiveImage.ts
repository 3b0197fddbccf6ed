// Original file: onestorage/v1/transfer.proto

import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';

export interface ReceiveImage {
  'place'?: (_onestorage_v1_Place | null);
  'format'?: (string);
  /**
   * mvds brings the snapshots along, cpds does not.
   */
  'withSnapshots'?: (boolean);
  /**
   * SPARSE=no: every block is allocated.
   */
  'preallocate'?: (boolean);
}

export interface ReceiveImage__Output {
  'place': (_onestorage_v1_Place__Output | null);
  'format': (string);
  /**
   * mvds brings the snapshots along, cpds does not.
   */
  'withSnapshots': (boolean);
  /**
   * SPARSE=no: every block is allocated.
   */
  'preallocate': (boolean);
}
