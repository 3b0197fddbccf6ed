// Original file: onestorage/v1/operation.proto

import type { Long } from '@grpc/proto-loader';

export interface Progress {
  'step'?: (string);
  'doneBytes'?: (number | string | Long);
  /**
   * 0: not known.
   */
  'totalBytes'?: (number | string | Long);
  'bytesPerSecond'?: (number | string | Long);
}

export interface Progress__Output {
  'step': (string);
  'doneBytes': (number);
  /**
   * 0: not known.
   */
  'totalBytes': (number);
  'bytesPerSecond': (number);
}
