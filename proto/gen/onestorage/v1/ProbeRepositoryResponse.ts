// Original file: onestorage/v1/backup.proto


export interface ProbeRepositoryResponse {
  /**
   * false: nothing was ever stored in it.
   */
  'exists'?: (boolean);
  /**
   * Locks that others hold: "host2 pid 812 since 2026-11-30T08:12:00Z".
   */
  'locks'?: (string)[];
}

export interface ProbeRepositoryResponse__Output {
  /**
   * false: nothing was ever stored in it.
   */
  'exists': (boolean);
  /**
   * Locks that others hold: "host2 pid 812 since 2026-11-30T08:12:00Z".
   */
  'locks': (string)[];
}
