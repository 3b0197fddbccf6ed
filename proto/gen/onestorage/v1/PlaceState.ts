// Original file: onestorage/v1/host.proto

import type { Long } from '@grpc/proto-loader';

export interface PlaceState {
  /**
   * file, directory, link (with what it leads to measured), or empty: there is nothing.
   */
  'type'?: (string);
  'sizeBytes'?: (number | string | Long);
  'allocatedBytes'?: (number | string | Long);
}

export interface PlaceState__Output {
  /**
   * file, directory, link (with what it leads to measured), or empty: there is nothing.
   */
  'type': (string);
  'sizeBytes': (number);
  'allocatedBytes': (number);
}
