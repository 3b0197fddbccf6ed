// Original file: onestorage/v1/host.proto

import type { Long } from '@grpc/proto-loader';

export interface UsageResponse {
  'totalBytes'?: (number | string | Long);
  'usedBytes'?: (number | string | Long);
  'freeBytes'?: (number | string | Long);
  /**
   * Driver that the datastore's marker names; empty: it has none.
   */
  'monitor'?: (string);
}

export interface UsageResponse__Output {
  'totalBytes': (number);
  'usedBytes': (number);
  'freeBytes': (number);
  /**
   * Driver that the datastore's marker names; empty: it has none.
   */
  'monitor': (string);
}
