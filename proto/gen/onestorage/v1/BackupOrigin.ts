// Original file: onestorage/v1/backup.proto

import type { Repository as _onestorage_v1_Repository, Repository__Output as _onestorage_v1_Repository__Output } from '../../onestorage/v1/Repository.ts';
import type { BackupChain as _onestorage_v1_BackupChain, BackupChain__Output as _onestorage_v1_BackupChain__Output } from '../../onestorage/v1/BackupChain.ts';

/**
 * Where an image comes from when its PATH is a pseudo-URL of a backup (contract 5.2 and 8).
 */
export interface BackupOrigin {
  'repository'?: (_onestorage_v1_Repository | null);
  'chain'?: (_onestorage_v1_BackupChain | null);
  'diskId'?: (string);
}

/**
 * Where an image comes from when its PATH is a pseudo-URL of a backup (contract 5.2 and 8).
 */
export interface BackupOrigin__Output {
  'repository': (_onestorage_v1_Repository__Output | null);
  'chain': (_onestorage_v1_BackupChain__Output | null);
  'diskId': (string);
}
