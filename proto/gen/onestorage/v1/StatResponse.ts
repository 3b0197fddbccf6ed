// Original file: onestorage/v1/host.proto

import type { PlaceState as _onestorage_v1_PlaceState, PlaceState__Output as _onestorage_v1_PlaceState__Output } from '../../onestorage/v1/PlaceState.ts';

export interface StatResponse {
  /**
   * In the order of the places.
   */
  'states'?: (_onestorage_v1_PlaceState)[];
}

export interface StatResponse__Output {
  /**
   * In the order of the places.
   */
  'states': (_onestorage_v1_PlaceState__Output)[];
}
