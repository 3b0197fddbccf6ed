// Original file: onestorage/v1/image.proto

import type { Origin as _onestorage_v1_Origin, Origin__Output as _onestorage_v1_Origin__Output } from '../../onestorage/v1/Origin.ts';

export interface StatOriginRequest {
  'origin'?: (_onestorage_v1_Origin | null);
  /**
   * A FILE datastore: any content, never looked into.
   */
  'opaque'?: (boolean);
}

export interface StatOriginRequest__Output {
  'origin': (_onestorage_v1_Origin__Output | null);
  /**
   * A FILE datastore: any content, never looked into.
   */
  'opaque': (boolean);
}
