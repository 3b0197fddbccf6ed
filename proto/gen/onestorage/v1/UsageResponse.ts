// Original file: onestorage/v1/host.proto

import type { Long } from '@grpc/proto-loader';

export interface UsageResponse {
  'totalBytes'?: (number | string | Long);
  'usedBytes'?: (number | string | Long);
  'freeBytes'?: (number | string | Long);
}

export interface UsageResponse__Output {
  'totalBytes': (number);
  'usedBytes': (number);
  'freeBytes': (number);
}
