// Original file: onestorage/v1/backup.proto

import type { Repository as _onestorage_v1_Repository, Repository__Output as _onestorage_v1_Repository__Output } from '../../onestorage/v1/Repository.ts';
import type { BackupChain as _onestorage_v1_BackupChain, BackupChain__Output as _onestorage_v1_BackupChain__Output } from '../../onestorage/v1/BackupChain.ts';

export interface ListBackupRequest {
  'repository'?: (_onestorage_v1_Repository | null);
  'chain'?: (_onestorage_v1_BackupChain | null);
  /**
   * This disk alone, and its virtual size whatever it takes to find it; empty: all.
   */
  'diskId'?: (string);
  /**
   * Read vm.xml, too: another trip to the repository.
   */
  'withDocument'?: (boolean);
}

export interface ListBackupRequest__Output {
  'repository': (_onestorage_v1_Repository__Output | null);
  'chain': (_onestorage_v1_BackupChain__Output | null);
  /**
   * This disk alone, and its virtual size whatever it takes to find it; empty: all.
   */
  'diskId': (string);
  /**
   * Read vm.xml, too: another trip to the repository.
   */
  'withDocument': (boolean);
}
