// Original file: onestorage/v1/transfer.proto

import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';
import type { Long } from '@grpc/proto-loader';

export interface ReceiveDisk {
  'place'?: (_onestorage_v1_Place | null);
  /**
   * raw, qcow2, or empty for an opaque file (context, kernel, CDROM).
   */
  'format'?: (string);
  /**
   * Grown to this when larger than the image; 0: as it is.
   */
  'sizeBytes'?: (number | string | Long);
  'preallocate'?: (boolean);
  /**
   * Written into the datastore's .monitor (contract 6.5); empty: left alone.
   */
  'monitor'?: (string);
}

export interface ReceiveDisk__Output {
  'place': (_onestorage_v1_Place__Output | null);
  /**
   * raw, qcow2, or empty for an opaque file (context, kernel, CDROM).
   */
  'format': (string);
  /**
   * Grown to this when larger than the image; 0: as it is.
   */
  'sizeBytes': (number);
  'preallocate': (boolean);
  /**
   * Written into the datastore's .monitor (contract 6.5); empty: left alone.
   */
  'monitor': (string);
}
