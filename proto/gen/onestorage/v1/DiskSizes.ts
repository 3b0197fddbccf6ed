// Original file: onestorage/v1/host.proto

import type { SnapshotSize as _onestorage_v1_SnapshotSize, SnapshotSize__Output as _onestorage_v1_SnapshotSize__Output } from '../../onestorage/v1/SnapshotSize.ts';
import type { Long } from '@grpc/proto-loader';

export interface DiskSizes {
  'diskId'?: (number);
  /**
   * The active file and the layers of its own below it.
   */
  'allocatedBytes'?: (number | string | Long);
  'snapshots'?: (_onestorage_v1_SnapshotSize)[];
}

export interface DiskSizes__Output {
  'diskId': (number);
  /**
   * The active file and the layers of its own below it.
   */
  'allocatedBytes': (number);
  'snapshots': (_onestorage_v1_SnapshotSize__Output)[];
}
