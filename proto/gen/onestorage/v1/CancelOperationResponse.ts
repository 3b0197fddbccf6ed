// Original file: onestorage/v1/operation.proto


export interface CancelOperationResponse {
  /**
   * false: it had ended, or is past the point where it can be taken back.
   */
  'cancelling'?: (boolean);
}

export interface CancelOperationResponse__Output {
  /**
   * false: it had ended, or is past the point where it can be taken back.
   */
  'cancelling': (boolean);
}
