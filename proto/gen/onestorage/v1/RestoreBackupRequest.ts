// Original file: onestorage/v1/backup.proto

import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from '../../onestorage/v1/OperationHeader.ts';
import type { Repository as _onestorage_v1_Repository, Repository__Output as _onestorage_v1_Repository__Output } from '../../onestorage/v1/Repository.ts';
import type { BackupChain as _onestorage_v1_BackupChain, BackupChain__Output as _onestorage_v1_BackupChain__Output } from '../../onestorage/v1/BackupChain.ts';
import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';

export interface RestoreBackupRequest {
  'operation'?: (_onestorage_v1_OperationHeader | null);
  'repository'?: (_onestorage_v1_Repository | null);
  'chain'?: (_onestorage_v1_BackupChain | null);
  /**
   * "0"; or "tpm": its state, out of the archive that the backup has.
   */
  'diskId'?: (string);
  /**
   * A name that nothing has yet: "7/disk.0.backup". Whoever asked renames it.
   */
  'target'?: (_onestorage_v1_Place | null);
  /**
   * raw, qcow2, or empty: as it is in the backup.
   */
  'format'?: (string);
  'preallocate'?: (boolean);
}

export interface RestoreBackupRequest__Output {
  'operation': (_onestorage_v1_OperationHeader__Output | null);
  'repository': (_onestorage_v1_Repository__Output | null);
  'chain': (_onestorage_v1_BackupChain__Output | null);
  /**
   * "0"; or "tpm": its state, out of the archive that the backup has.
   */
  'diskId': (string);
  /**
   * A name that nothing has yet: "7/disk.0.backup". Whoever asked renames it.
   */
  'target': (_onestorage_v1_Place__Output | null);
  /**
   * raw, qcow2, or empty: as it is in the backup.
   */
  'format': (string);
  'preallocate': (boolean);
}
