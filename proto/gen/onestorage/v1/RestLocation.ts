// Original file: onestorage/v1/backup.proto


/**
 * A server that speaks restic's REST protocol.
 */
export interface RestLocation {
  /**
   * http or https, without user and password.
   */
  'url'?: (string);
  'user'?: (string);
  /**
   * Secret: never logged, never in an argument.
   */
  'restPassword'?: (string);
  /**
   * PEM of the authority that signed the server's certificate; empty: those of the system.
   */
  'caCertificate'?: (string);
}

/**
 * A server that speaks restic's REST protocol.
 */
export interface RestLocation__Output {
  /**
   * http or https, without user and password.
   */
  'url': (string);
  'user': (string);
  /**
   * Secret: never logged, never in an argument.
   */
  'restPassword': (string);
  /**
   * PEM of the authority that signed the server's certificate; empty: those of the system.
   */
  'caCertificate': (string);
}
