// Original file: onestorage/v1/transfer.proto

import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';

export interface ReceiveDirectory {
  'place'?: (_onestorage_v1_Place | null);
  'monitor'?: (string);
}

export interface ReceiveDirectory__Output {
  'place': (_onestorage_v1_Place__Output | null);
  'monitor': (string);
}
