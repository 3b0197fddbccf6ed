// Original file: onestorage/v1/disk.proto

import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';

export interface ContextFile {
  /**
   * Below the directory of VM files of the front-end: "9/context.sh".
   */
  'vmFile'?: (string);
  'place'?: (_onestorage_v1_Place | null);
  /**
   * http or https.
   */
  'url'?: (string);
  /**
   * Name in the image; empty: the origin's own.
   */
  'target'?: (string);
  'origin'?: "vmFile"|"place"|"url";
}

export interface ContextFile__Output {
  /**
   * Below the directory of VM files of the front-end: "9/context.sh".
   */
  'vmFile'?: (string);
  'place'?: (_onestorage_v1_Place__Output | null);
  /**
   * http or https.
   */
  'url'?: (string);
  /**
   * Name in the image; empty: the origin's own.
   */
  'target': (string);
  'origin'?: "vmFile"|"place"|"url";
}
