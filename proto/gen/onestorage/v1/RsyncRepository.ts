// Original file: onestorage/v1/backup.proto


/**
 * Directories on a backup server reached by ssh: <base path>/<VM id>/<6 hex digits>.
 */
export interface RsyncRepository {
  'host'?: (string);
  /**
   * Empty: oneadmin.
   */
  'user'?: (string);
  /**
   * BASE_PATH of the datastore, absolute.
   */
  'basePath'?: (string);
  /**
   * RSYNC_ARGS, split into words; empty: -aS.
   */
  'arguments'?: (string)[];
}

/**
 * Directories on a backup server reached by ssh: <base path>/<VM id>/<6 hex digits>.
 */
export interface RsyncRepository__Output {
  'host': (string);
  /**
   * Empty: oneadmin.
   */
  'user': (string);
  /**
   * BASE_PATH of the datastore, absolute.
   */
  'basePath': (string);
  /**
   * RSYNC_ARGS, split into words; empty: -aS.
   */
  'arguments': (string)[];
}
