// Original file: onestorage/v1/host.proto

import type { Long } from '@grpc/proto-loader';

export interface SnapshotSize {
  'snapshotId'?: (number);
  'allocatedBytes'?: (number | string | Long);
}

export interface SnapshotSize__Output {
  'snapshotId': (number);
  'allocatedBytes': (number);
}
