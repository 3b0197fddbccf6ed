// Original file: onestorage/v1/backup.proto

import type { BackupFile as _onestorage_v1_BackupFile, BackupFile__Output as _onestorage_v1_BackupFile__Output } from '../../onestorage/v1/BackupFile.ts';
import type { BackupState as _onestorage_v1_BackupState, BackupState__Output as _onestorage_v1_BackupState__Output } from '../../onestorage/v1/BackupState.ts';

export interface ListBackupResponse {
  /**
   * Of the last increment.
   */
  'files'?: (_onestorage_v1_BackupFile)[];
  /**
   * The VM as it was at the last increment (decoded), empty when it was not asked for or the backup has none.
   */
  'vmXml'?: (string);
  /**
   * In the order of the chain.
   */
  'increments'?: (_onestorage_v1_BackupState)[];
}

export interface ListBackupResponse__Output {
  /**
   * Of the last increment.
   */
  'files': (_onestorage_v1_BackupFile__Output)[];
  /**
   * The VM as it was at the last increment (decoded), empty when it was not asked for or the backup has none.
   */
  'vmXml': (string);
  /**
   * In the order of the chain.
   */
  'increments': (_onestorage_v1_BackupState__Output)[];
}
