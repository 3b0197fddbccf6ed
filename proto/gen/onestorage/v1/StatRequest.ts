// Original file: onestorage/v1/host.proto

import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';

export interface StatRequest {
  'places'?: (_onestorage_v1_Place)[];
}

export interface StatRequest__Output {
  'places': (_onestorage_v1_Place__Output)[];
}
