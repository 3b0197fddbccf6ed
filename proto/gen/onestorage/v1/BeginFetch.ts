// Original file: onestorage/v1/transfer.proto

import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';
import type { Long } from '@grpc/proto-loader';

export interface BeginFetch {
  /**
   * Secret: never logged.
   */
  'capability'?: (string);
  /**
   * Bytes per second; 0: no limit.
   */
  'bytesPerSecond'?: (number | string | Long);
  /**
   * Where the receiver puts it, and its temporary directory. When the source finds the directory too, both hosts share the file system.
   */
  'target'?: (_onestorage_v1_Place | null);
  'stage'?: (_onestorage_v1_Place | null);
}

export interface BeginFetch__Output {
  /**
   * Secret: never logged.
   */
  'capability': (string);
  /**
   * Bytes per second; 0: no limit.
   */
  'bytesPerSecond': (number);
  /**
   * Where the receiver puts it, and its temporary directory. When the source finds the directory too, both hosts share the file system.
   */
  'target': (_onestorage_v1_Place__Output | null);
  'stage': (_onestorage_v1_Place__Output | null);
}
