// Original file: onestorage/v1/backup.proto

import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from '../../onestorage/v1/OperationHeader.ts';
import type { Repository as _onestorage_v1_Repository, Repository__Output as _onestorage_v1_Repository__Output } from '../../onestorage/v1/Repository.ts';
import type { BackupChain as _onestorage_v1_BackupChain, BackupChain__Output as _onestorage_v1_BackupChain__Output } from '../../onestorage/v1/BackupChain.ts';

export interface FlattenBackupRequest {
  'operation'?: (_onestorage_v1_OperationHeader | null);
  'repository'?: (_onestorage_v1_Repository | null);
  'vmId'?: (number);
  'chain'?: (_onestorage_v1_BackupChain | null);
  /**
   * Increments that stay; the older ones become one full backup. At least 1.
   */
  'keepLast'?: (number);
  /**
   * Leave out what the guests' file systems do not use (virt-sparsify).
   */
  'sparsify'?: (boolean);
}

export interface FlattenBackupRequest__Output {
  'operation': (_onestorage_v1_OperationHeader__Output | null);
  'repository': (_onestorage_v1_Repository__Output | null);
  'vmId': (number);
  'chain': (_onestorage_v1_BackupChain__Output | null);
  /**
   * Increments that stay; the older ones become one full backup. At least 1.
   */
  'keepLast': (number);
  /**
   * Leave out what the guests' file systems do not use (virt-sparsify).
   */
  'sparsify': (boolean);
}
