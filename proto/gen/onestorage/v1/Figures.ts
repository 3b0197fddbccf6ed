// Original file: onestorage/v1/operation.proto

import type { Long } from '@grpc/proto-loader';

export interface Figures {
  'movedBytes'?: (number | string | Long);
  'skippedBytes'?: (number | string | Long);
  'verifiedBytes'?: (number | string | Long);
  'processes'?: (number);
}

export interface Figures__Output {
  'movedBytes': (number);
  'skippedBytes': (number);
  'verifiedBytes': (number);
  'processes': (number);
}
