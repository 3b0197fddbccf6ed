// Original file: onestorage/v1/operation.proto


/**
 * A file or directory below a datastore, as the agent's own configuration places it. Never an absolute path.
 */
export interface Place {
  'datastoreId'?: (number);
  /**
   * Relative, "/"-separated, without "." and "..": "9/disk.0".
   */
  'path'?: (string);
}

/**
 * A file or directory below a datastore, as the agent's own configuration places it. Never an absolute path.
 */
export interface Place__Output {
  'datastoreId': (number);
  /**
   * Relative, "/"-separated, without "." and "..": "9/disk.0".
   */
  'path': (string);
}
