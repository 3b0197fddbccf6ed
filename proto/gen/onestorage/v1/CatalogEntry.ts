// Original file: onestorage/v1/backup.proto

import type { Long } from '@grpc/proto-loader';

export interface CatalogEntry {
  'backupId'?: (string);
  'createdUnixMs'?: (number | string | Long);
  /**
   * 0: not known without reading it.
   */
  'sizeBytes'?: (number | string | Long);
  /**
   * "disk.0.2", "vm.xml".
   */
  'files'?: (string)[];
  /**
   * VM the backup is of.
   */
  'vmId'?: (number);
  /**
   * Backups that it replaced when they were merged.
   */
  'merged'?: (string)[];
}

export interface CatalogEntry__Output {
  'backupId': (string);
  'createdUnixMs': (number);
  /**
   * 0: not known without reading it.
   */
  'sizeBytes': (number);
  /**
   * "disk.0.2", "vm.xml".
   */
  'files': (string)[];
  /**
   * VM the backup is of.
   */
  'vmId': (number);
  /**
   * Backups that it replaced when they were merged.
   */
  'merged': (string)[];
}
