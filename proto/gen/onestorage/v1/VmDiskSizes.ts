// Original file: onestorage/v1/host.proto

import type { DiskSizes as _onestorage_v1_DiskSizes, DiskSizes__Output as _onestorage_v1_DiskSizes__Output } from '../../onestorage/v1/DiskSizes.ts';

export interface VmDiskSizes {
  'vmId'?: (number);
  'disks'?: (_onestorage_v1_DiskSizes)[];
}

export interface VmDiskSizes__Output {
  'vmId': (number);
  'disks': (_onestorage_v1_DiskSizes__Output)[];
}
