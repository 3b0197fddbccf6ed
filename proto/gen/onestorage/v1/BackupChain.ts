// Original file: onestorage/v1/backup.proto

import type { BackupIncrement as _onestorage_v1_BackupIncrement, BackupIncrement__Output as _onestorage_v1_BackupIncrement__Output } from '../../onestorage/v1/BackupIncrement.ts';

/**
 * Full backup and increments in order, as in a pseudo-URL (contract 8): "0:577e252f,1:407bf2c9". The last one is what is meant.
 */
export interface BackupChain {
  'increments'?: (_onestorage_v1_BackupIncrement)[];
}

/**
 * Full backup and increments in order, as in a pseudo-URL (contract 8): "0:577e252f,1:407bf2c9". The last one is what is meant.
 */
export interface BackupChain__Output {
  'increments': (_onestorage_v1_BackupIncrement__Output)[];
}
