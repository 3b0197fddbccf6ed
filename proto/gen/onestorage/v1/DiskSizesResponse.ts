// Original file: onestorage/v1/host.proto

import type { VmDiskSizes as _onestorage_v1_VmDiskSizes, VmDiskSizes__Output as _onestorage_v1_VmDiskSizes__Output } from '../../onestorage/v1/VmDiskSizes.ts';

/**
 * Some of the machines; a stream has them all.
 */
export interface DiskSizesResponse {
  'vms'?: (_onestorage_v1_VmDiskSizes)[];
}

/**
 * Some of the machines; a stream has them all.
 */
export interface DiskSizesResponse__Output {
  'vms': (_onestorage_v1_VmDiskSizes__Output)[];
}
