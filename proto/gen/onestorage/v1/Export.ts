// Original file: onestorage/v1/transfer.proto


export interface Export {
  /**
   * Index into the manifest.
   */
  'entry'?: (number);
  'port'?: (number);
  /**
   * Unguessable; also the capability towards nbdkit.
   */
  'exportName'?: (string);
}

export interface Export__Output {
  /**
   * Index into the manifest.
   */
  'entry': (number);
  'port': (number);
  /**
   * Unguessable; also the capability towards nbdkit.
   */
  'exportName': (string);
}
