// Original file: onestorage/v1/backup.proto

import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from '../../onestorage/v1/OperationHeader.ts';
import type { Repository as _onestorage_v1_Repository, Repository__Output as _onestorage_v1_Repository__Output } from '../../onestorage/v1/Repository.ts';
import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';
import type { BackupChain as _onestorage_v1_BackupChain, BackupChain__Output as _onestorage_v1_BackupChain__Output } from '../../onestorage/v1/BackupChain.ts';

export interface StoreBackupRequest {
  'operation'?: (_onestorage_v1_OperationHeader | null);
  'repository'?: (_onestorage_v1_Repository | null);
  'vmId'?: (number);
  /**
   * Directory with vm.xml and disk.<id>.<increment>: "7/backup" of the system datastore. Only read.
   */
  'source'?: (_onestorage_v1_Place | null);
  /**
   * Disks that must be there. A directory that lacks one, or vm.xml, is not stored.
   */
  'diskIds'?: (number)[];
  /**
   * 0: full.
   */
  'increment'?: (number);
  /**
   * What an increment follows on: all of it must be there, else broken_chain. Not set: nothing.
   */
  'follows'?: (_onestorage_v1_BackupChain | null);
}

export interface StoreBackupRequest__Output {
  'operation': (_onestorage_v1_OperationHeader__Output | null);
  'repository': (_onestorage_v1_Repository__Output | null);
  'vmId': (number);
  /**
   * Directory with vm.xml and disk.<id>.<increment>: "7/backup" of the system datastore. Only read.
   */
  'source': (_onestorage_v1_Place__Output | null);
  /**
   * Disks that must be there. A directory that lacks one, or vm.xml, is not stored.
   */
  'diskIds': (number)[];
  /**
   * 0: full.
   */
  'increment': (number);
  /**
   * What an increment follows on: all of it must be there, else broken_chain. Not set: nothing.
   */
  'follows': (_onestorage_v1_BackupChain__Output | null);
}
