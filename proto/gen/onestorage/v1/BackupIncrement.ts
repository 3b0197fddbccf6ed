// Original file: onestorage/v1/operation.proto


/**
 * One link of a chain of backups (contract 8): the id counts from 0, which is full; the other names it in the repository.
 */
export interface BackupIncrement {
  'id'?: (number);
  /**
   * "577e252f" of restic, "0e6658" of rsync.
   */
  'backupId'?: (string);
}

/**
 * One link of a chain of backups (contract 8): the id counts from 0, which is full; the other names it in the repository.
 */
export interface BackupIncrement__Output {
  'id': (number);
  /**
   * "577e252f" of restic, "0e6658" of rsync.
   */
  'backupId': (string);
}
