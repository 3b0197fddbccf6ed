// Original file: onestorage/v1/operation.proto

import type { BackupIncrement as _onestorage_v1_BackupIncrement, BackupIncrement__Output as _onestorage_v1_BackupIncrement__Output } from '../../onestorage/v1/BackupIncrement.ts';
import type { Long } from '@grpc/proto-loader';

/**
 * What a successful operation found out; unset fields do not apply to it.
 */
export interface Result {
  'format'?: (string);
  'sizeBytes'?: (number | string | Long);
  'md5'?: (string);
  'backupId'?: (string);
  /**
   * Chain of backups as it is now.
   */
  'chain'?: (_onestorage_v1_BackupIncrement)[];
  /**
   * What of a guest that was booted gave a sign of life: "guest agent" or "console".
   */
  'answeredBy'?: (string);
}

/**
 * What a successful operation found out; unset fields do not apply to it.
 */
export interface Result__Output {
  'format': (string);
  'sizeBytes': (number);
  'md5': (string);
  'backupId': (string);
  /**
   * Chain of backups as it is now.
   */
  'chain': (_onestorage_v1_BackupIncrement__Output)[];
  /**
   * What of a guest that was booted gave a sign of life: "guest agent" or "console".
   */
  'answeredBy': (string);
}
