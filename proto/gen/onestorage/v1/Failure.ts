// Original file: onestorage/v1/operation.proto


export interface Failure {
  /**
   * A key of the table in runtime/errors.ts.
   */
  'reason'?: (string);
  'message'?: (string);
}

export interface Failure__Output {
  /**
   * A key of the table in runtime/errors.ts.
   */
  'reason': (string);
  'message': (string);
}
