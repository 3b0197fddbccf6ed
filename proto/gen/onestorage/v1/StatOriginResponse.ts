// Original file: onestorage/v1/image.proto

import type { Long } from '@grpc/proto-loader';

export interface StatOriginResponse {
  /**
   * Virtual size of the image.
   */
  'sizeBytes'?: (number | string | Long);
}

export interface StatOriginResponse__Output {
  /**
   * Virtual size of the image.
   */
  'sizeBytes': (number);
}
