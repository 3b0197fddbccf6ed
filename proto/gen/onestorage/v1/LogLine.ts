// Original file: onestorage/v1/operation.proto


export interface LogLine {
  /**
   * debug, info, warn or error.
   */
  'level'?: (string);
  'text'?: (string);
}

export interface LogLine__Output {
  /**
   * debug, info, warn or error.
   */
  'level': (string);
  'text': (string);
}
