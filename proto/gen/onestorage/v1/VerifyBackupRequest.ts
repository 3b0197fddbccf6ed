// Original file: onestorage/v1/backup.proto

import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from '../../onestorage/v1/OperationHeader.ts';
import type { Repository as _onestorage_v1_Repository, Repository__Output as _onestorage_v1_Repository__Output } from '../../onestorage/v1/Repository.ts';
import type { BackupChain as _onestorage_v1_BackupChain, BackupChain__Output as _onestorage_v1_BackupChain__Output } from '../../onestorage/v1/BackupChain.ts';

export interface VerifyBackupRequest {
  'operation'?: (_onestorage_v1_OperationHeader | null);
  'repository'?: (_onestorage_v1_Repository | null);
  'chain'?: (_onestorage_v1_BackupChain | null);
}

export interface VerifyBackupRequest__Output {
  'operation': (_onestorage_v1_OperationHeader__Output | null);
  'repository': (_onestorage_v1_Repository__Output | null);
  'chain': (_onestorage_v1_BackupChain__Output | null);
}
