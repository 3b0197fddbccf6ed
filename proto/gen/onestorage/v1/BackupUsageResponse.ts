// Original file: onestorage/v1/backup.proto

import type { Long } from '@grpc/proto-loader';

export interface BackupUsageResponse {
  'totalBytes'?: (number | string | Long);
  'usedBytes'?: (number | string | Long);
  'freeBytes'?: (number | string | Long);
  /**
   * false: the place does not say (REST, S3); the others are 0.
   */
  'known'?: (boolean);
}

export interface BackupUsageResponse__Output {
  'totalBytes': (number);
  'usedBytes': (number);
  'freeBytes': (number);
  /**
   * false: the place does not say (REST, S3); the others are 0.
   */
  'known': (boolean);
}
