// Original file: onestorage/v1/backup.proto

import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from '../../onestorage/v1/OperationHeader.ts';
import type { Repository as _onestorage_v1_Repository, Repository__Output as _onestorage_v1_Repository__Output } from '../../onestorage/v1/Repository.ts';
import type { BackupChain as _onestorage_v1_BackupChain, BackupChain__Output as _onestorage_v1_BackupChain__Output } from '../../onestorage/v1/BackupChain.ts';
import type { BootDisk as _onestorage_v1_BootDisk, BootDisk__Output as _onestorage_v1_BootDisk__Output } from '../../onestorage/v1/BootDisk.ts';
import type { Long } from '@grpc/proto-loader';

export interface BootBackupRequest {
  'operation'?: (_onestorage_v1_OperationHeader | null);
  'repository'?: (_onestorage_v1_Repository | null);
  'chain'?: (_onestorage_v1_BackupChain | null);
  /**
   * The one to boot from first.
   */
  'disks'?: (_onestorage_v1_BootDisk)[];
  'memoryBytes'?: (number | string | Long);
  /**
   * pc or q35.
   */
  'machine'?: (string);
  /**
   * From the start of the guest to its first sign of life.
   */
  'limitSeconds'?: (number);
}

export interface BootBackupRequest__Output {
  'operation': (_onestorage_v1_OperationHeader__Output | null);
  'repository': (_onestorage_v1_Repository__Output | null);
  'chain': (_onestorage_v1_BackupChain__Output | null);
  /**
   * The one to boot from first.
   */
  'disks': (_onestorage_v1_BootDisk__Output)[];
  'memoryBytes': (number);
  /**
   * pc or q35.
   */
  'machine': (string);
  /**
   * From the start of the guest to its first sign of life.
   */
  'limitSeconds': (number);
}
