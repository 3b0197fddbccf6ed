// Original file: onestorage/v1/backup.proto


/**
 * A restic server reached by ssh; layout as the stock driver's: a repository each VM or backup job below the base path.
 */
export interface SftpLocation {
  /**
   * Host, or a name of the ssh configuration of the agent's user.
   */
  'host'?: (string);
  /**
   * Empty: oneadmin.
   */
  'user'?: (string);
  /**
   * BASE_PATH of the datastore, absolute.
   */
  'basePath'?: (string);
}

/**
 * A restic server reached by ssh; layout as the stock driver's: a repository each VM or backup job below the base path.
 */
export interface SftpLocation__Output {
  /**
   * Host, or a name of the ssh configuration of the agent's user.
   */
  'host': (string);
  /**
   * Empty: oneadmin.
   */
  'user': (string);
  /**
   * BASE_PATH of the datastore, absolute.
   */
  'basePath': (string);
}
